export { TINY_SHAPE } from "./tiny-shape.js";
