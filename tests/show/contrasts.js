// Every visible text whose contrast with what lies below it is less than WCAG 2.2 asks for (4.5, large text 3).
(() => {
  const parts = colour => (colour.match(/[\d.]+/g) || []).map(Number);
  const luminance = ([r, g, b]) => [r, g, b].map(value => value / 255)
    .map(value => value <= 0.04045 ? value / 12.92 : ((value + 0.055) / 1.055) ** 2.4)
    .reduce((sum, value, place) => sum + value * [0.2126, 0.7152, 0.0722][place], 0);
  const ground = element => {
    for (let found = element; found; found = found.parentElement) {
      const [r, g, b, alpha = 1] = parts(getComputedStyle(found).backgroundColor);
      if (alpha > 0.9) return [r, g, b];
    }
    return [255, 255, 255];
  };
  const faint = { checked: 0, found: [] };
  const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
  while (walker.nextNode()) {
    const element = walker.currentNode.parentElement;
    if (!walker.currentNode.data.trim() || element.closest("svg, caption") || !element.checkVisibility()) continue;
    const style = getComputedStyle(element);
    const [low, high] = [luminance(parts(style.color)), luminance(ground(element))].sort((a, b) => a - b);
    const size = parseFloat(style.fontSize), bold = Number(style.fontWeight) >= 700;
    const least = size >= 24 || (bold && size >= 18.66) ? 3 : 4.5;
    faint.checked += 1;
    if ((high + 0.05) / (low + 0.05) < least) faint.found.push(element.outerHTML.slice(0, 200));
  }
  return faint;
})()
