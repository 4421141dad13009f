export { logSoftmax, madeUpTeacher } from "./synthetic-teacher.js";
