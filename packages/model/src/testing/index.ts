export { compute, int32, specsOf } from "./compute.js";
export { TINY_SHAPE } from "./tiny-shape.js";
