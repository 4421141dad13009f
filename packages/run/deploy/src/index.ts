export type { CardBench, CardInput, CardMetric } from "./card-input.js";
export { deployConfig, type DeployConfig } from "./deploy-config.js";
export { deployToDirectory, type DeployInput, type Deployment } from "./deploy-to-directory.js";
export { modelCard, type BundledFile } from "./model-card.js";
