/** Version of slm, recorded in every manifest and part of every stage's key. A test checks that it equals package.json. */
export const SLM_VERSION = "0.1.0";
