"""One camera or file at a time: frames in, judged frames and alarms out, by the code that the stages run."""
