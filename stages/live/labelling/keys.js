// Which key does what.

// As the help says it.
export const KEYS = [
  ["space", "play or pause"], ["← →", "a frame back or on"], ["Shift + ← →", "a second back or on"],
  ["Home End", "first or last frame"], ["J K L", "slower, 1 ×, faster"], ["I or [", "an interval starts here"],
  ["O or ]", "it ends here"], ["Enter", "accept it; without O it ends here"], ["Esc", "drop what was begun"],
  ["1 … 9, 0", "kind of what is begun, of the interval under the cursor, or of the next one; 0 for none"],
  ["X", "nobody knows: counts neither as abnormal nor as normal"], ["E", "edit the interval under the cursor"],
  ["Delete", "remove the interval under the cursor"], ["U or Ctrl + Z", "undo"],
  ["S", "to the next high score that is not marked"], ["N P", "next or previous clip"], ["? or H", "these keys"],
];

// On the strip alone, whether keys are taken or not, as everybody expects of a slider.
export const ON_SLIDER = {
  ArrowLeft: "before", ArrowDown: "before", ArrowRight: "after", ArrowUp: "after", PageDown: "back", PageUp: "on",
  Home: "first", End: "final",
};

// As the browser names them, in lower case; arrows take Shift for a second in place of a frame.
export const BY_KEY = {
  " ": "play", ArrowLeft: "before", ArrowRight: "after", Home: "first", End: "final", j: "slower", k: "normal", l: "faster",
  i: "start", "[": "start", o: "end", "]": "end", Enter: "accept", Escape: "drop", Delete: "remove", Backspace: "remove",
  u: "undo", e: "edit", x: "doubt", s: "peak", p: "previous", n: "next", "?": "help", h: "help",
};
