/** The interface of an open teacher for the cache stage. */
import type { StageContext } from "@slm/core";
import type { Engine } from "@slm/tensor";
import type { Tokenizer } from "@slm/tokenizer";
import type { Teacher } from "@slm/teacher";
import type { ApiSharing } from "../api/api-sharing.js";
import type { AnswerVolume } from "../api/estimate.js";
import type { Labeller } from "../labeller/labeller.js";
import type { LabellerPermissions } from "./labeller-permissions.js";

export interface OpenRequest {
  readonly directory: string;
  /** Name of the labeller, stored with the rows. */
  readonly name: string;
  readonly identity: string;
  /** The run's tokenizer, for teachers without their own. */
  readonly tokenizerDirectory: string;
  readonly engine: Engine;
  readonly context: StageContext;
  /** State shared by machines that use the same server. Default: none. */
  readonly sharing?: ApiSharing | undefined;
  /** Permissions of the directory. Default: all, for the user's own directory. */
  readonly permissions?: LabellerPermissions | undefined;
}

/** A teacher with weights on this machine. */
export interface LocalTeacher {
  readonly teacher: Teacher;
  readonly tokenizer: Tokenizer;
}

/** An open teacher. */
export interface OpenTeacher {
  /** Absent for a teacher that only labels. */
  readonly local: LocalTeacher | undefined;
  /** The cost of labelling as a text; absent if it costs only time. */
  readonly estimate?: ((volume: AnswerVolume) => string) | undefined;
  readonly labeller: Labeller;
  close(): Promise<void>;
}
