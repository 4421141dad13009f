import { Args } from "@oclif/core";
import type { ListedStudent } from "@slm/slm/students/students";
import type { TriedStudent } from "@slm/slm/students/try-student";
import { answerFor } from "@slm/core/format";
import { columns } from "@slm/core/format";
import { formatBytes } from "@slm/core/format";
import { optimizeLater } from "../ui/optimize-later.js";
import { SlmCommand } from "../ui/slm-command.js";

export interface StudentList {
  readonly students: readonly ListedStudent[];
}

export class TryCommand extends SlmCommand<TriedStudent | StudentList> {
  static override summary = "Answer a text with a trained student that ships with slm, or list the students.";
  static override description =
    "It works offline and needs no training. Standard output is the answer alone; the next steps are printed on standard error. " +
    "Without TEXT, the student answers its example.";
  static override args = {
    student: Args.string({ description: "Name of a student. Default: list them." }),
    text: Args.string({ description: "Text to answer. Default: the student's example." }),
  };
  static override examples = [
    "<%= config.bin %> try",
    "<%= config.bin %> try g2p constantinople",
    `<%= config.bin %> try dates "the 3rd of May '07"`,
  ];

  protected override async execute(): Promise<TriedStudent | StudentList> {
    const { args } = await this.parse(TryCommand);
    if (args.student === undefined) {
      const { listStudents } = await import("@slm/slm/students/students");
      return { students: await listStudents() };
    }
    const { tryStudent } = await import("@slm/slm/students/try-student");
    const tried = await tryStudent(args.student, args.text, this.signal, optimizeLater);
    for (const { purpose, command } of tried.next) this.note(`${purpose}: ${command}`);
    return tried;
  }

  protected override shown(text: string): string {
    return answerFor(process.stdout)(text);
  }

  protected override lines(result: TriedStudent | StudentList): readonly string[] {
    if (!("students" in result)) return [result.text];
    const rows = result.students.map(({ name, bytes, summary }) => [name, formatBytes(bytes), summary]);
    const titled = columns(["student", "size", "what it does"], rows);
    return [...titled, "", ...result.students.map(({ command }) => command)];
  }
}
