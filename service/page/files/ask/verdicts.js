// How well a sentence is supported, as a sign and in words: neither needs colour.
export const VERDICTS = {
  supported: { sign: "✓", words: "Supported", long: "The abstract supports this sentence" },
  partial: { sign: "◐", words: "Partly supported", long: "The abstract supports a part of this sentence" },
  unsupported: { sign: "○", words: "Not supported", long: "No abstract that was found supports this sentence" },
  contradicted: { sign: "≠", words: "Contradicted", long: "The abstract says otherwise" },
};

// What is said above an answer; its text says the rest.
export const OUTCOMES = {
  answered: "",
  partial: "◐ Answered in part",
  not_in_abstracts: "○ Not answered",
  out_of_scope: "○ Not answered",
  empty_library: "○ Not answered",
};

/** Whether an outcome declines to answer. */
export const declines = (outcome) => ["not_in_abstracts", "out_of_scope", "empty_library"].includes(outcome);
