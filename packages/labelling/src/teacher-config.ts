/** The `teacher` section of a recipe: teachers with distributions, and teachers that only label. */
import { modelTeachers } from "@slm/teacher";
import { z } from "zod";
import { apiTeacher } from "./api/api-config.js";
import { commandTeacher } from "./command/command-config.js";
import { extensionTeacher } from "./extension/extension-config.js";

export const teacherConfig = z.discriminatedUnion("kind", [
  ...modelTeachers,
  apiTeacher,
  commandTeacher,
  extensionTeacher,
]);

export type TeacherConfig = z.infer<typeof teacherConfig>;
