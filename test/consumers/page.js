import { run } from "./program.js";

// On the element, which a content script shares with its page; variables it has of its own.
const { dataset } = document.documentElement;
run().then(
  (report) => {
    dataset.report = JSON.stringify(report);
  },
  (error) => {
    dataset.failure = String(error?.stack ?? error);
  },
);
