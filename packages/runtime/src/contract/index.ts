export { describeRuntime, type RuntimeLimits } from "./describe-runtime.js";
