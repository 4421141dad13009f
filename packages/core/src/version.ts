/** Version of slm. It is recorded in every manifest and is part of every stage's key. A test compares it with package.json. */
export const SLM_VERSION = "0.1.0";

/** How to repair an installation with missing files. */
export const REINSTALL = "npm install --ignore-scripts @encdec/slm (in a clone: npm ci && npm run build)";
