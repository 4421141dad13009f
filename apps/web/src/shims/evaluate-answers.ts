/** Evaluation on rows, which a page does not do: it reads and writes files. */
export const evaluateAnswers = (): never => {
  throw new Error("a page evaluates no models");
};
