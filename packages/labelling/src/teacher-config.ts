/** The `teacher` section of a recipe: teachers that give distributions, and those that only label. */
import { modelTeachers, teacherKinds } from "@slm/teacher";
import type { z } from "zod";
import { apiTeacher } from "./api/api-config.js";
import { commandTeacher } from "./command/command-config.js";

export const teacherConfig = teacherKinds([...modelTeachers, apiTeacher, commandTeacher]);

export type TeacherConfig = z.infer<typeof teacherConfig>;
