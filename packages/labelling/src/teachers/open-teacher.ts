/** An open teacher, as the cache stage uses it. */
import type { StageContext } from "@slm/core";
import type { Engine } from "@slm/tensor";
import type { Tokenizer } from "@slm/tokenizer";
import type { TeacherRow, Teacher } from "@slm/teacher";
import type { ApiSharing } from "../api/api-sharing.js";
import type { AnswerVolume } from "../api/estimate.js";
import type { Labeller } from "../labeller/labeller.js";
import type { LabellerPermissions } from "./labeller-permissions.js";

export interface OpenRequest {
  readonly directory: string;
  /** Who labels, as stored with the rows. */
  readonly name: string;
  readonly identity: string;
  /** The run's tokenizer, for teachers without one of their own. */
  readonly tokenizerDirectory: string;
  readonly engine: Engine;
  readonly context: StageContext;
  /** What machines that ask a server have in common. Default: this one asks alone. */
  readonly sharing?: ApiSharing | undefined;
  /** What the directory may make this machine do. Default: all, for a directory of the user's own. */
  readonly permissions?: LabellerPermissions | undefined;
}

/** A teacher that gives distributions, by its weights on this machine or out of a server's stored answers. */
export interface LocalTeacher {
  readonly teacher: Teacher;
  readonly tokenizer: Tokenizer;
  /** Tokens of a position that it knows; absent: all. */
  readonly mostTokens?: number | undefined;
}

/** An open teacher. */
export interface OpenTeacher {
  /** Absent for a teacher that only labels. */
  readonly local: LocalTeacher | undefined;
  /**
   * For a server with log-probabilities: what it said about the rows that it labelled.
   *
   * @throws SlmError DATA_INVALID without rows
   */
  readonly scorer?: ((rows: AsyncIterable<TeacherRow>) => Promise<LocalTeacher>) | undefined;
  /** What labelling will cost, in words; absent where it costs nothing but time. */
  readonly estimate?: ((volume: AnswerVolume) => string) | undefined;
  readonly labeller: Labeller;
  close(): Promise<void>;
}
