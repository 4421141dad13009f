/** Who labels the sources of one kind, and how targets are chosen: by the settings of the cache stage. */
import { basename } from "node:path";
import { hashFolder, SlmError } from "@slm/core";
import type { CacheRowKind } from "@slm/teacher";
import type { CacheConfig } from "../config/cache-config.js";
import type { Labeller } from "../labeller/labeller.js";
import { openLabellers } from "../teachers/open-labellers.js";
import type { OpenRequest, OpenTeacher } from "../teachers/open-teacher.js";
import {
  generationDecoding,
  generationSelection,
  labellingDecoding,
  labellingSelection,
  type Selection,
} from "../selection/selection.js";

export interface Labelling {
  readonly labellers: readonly Labeller[];
  readonly selection: Selection;
  readonly needsRoundTrip: boolean;
}

/** Opens the further teachers that must agree on labels; none where the run's teacher labels alone. The caller closes them. */
export async function openOthers(
  { unlabelled: { agreement } }: CacheConfig,
  request: Omit<OpenRequest, "directory" | "name" | "identity">,
): Promise<readonly OpenTeacher[]> {
  const others: OpenTeacher[] = [];
  try {
    for (const directory of agreement?.teachers ?? []) {
      const [name, identity] = [basename(directory), await hashFolder(directory)];
      others.push(await openLabellers({ ...request, directory, name, identity }));
    }
    return others;
  } catch (error) {
    for (const other of others) await other.close();
    throw error;
  }
}

/** @throws SlmError CONFIG_INVALID for fewer teachers than must agree */
export function labellingOf(
  kind: CacheRowKind,
  { unlabelled, generate, distributions }: CacheConfig,
  opened: OpenTeacher,
  others: readonly OpenTeacher[],
): Labelling {
  const needsRoundTrip = distributions !== "none";
  if (kind === "generated") {
    const settings = generate === "none" ? "greedy" : generate;
    const labellers = [opened.labeller(generationDecoding(settings))];
    return { labellers, selection: generationSelection(settings), needsRoundTrip };
  }
  const decoding = labellingDecoding(unlabelled);
  const labellers =
    unlabelled.agreement === undefined
      ? [opened.labeller(decoding)]
      : [opened, ...others].flatMap((teacher) => teacher.members(decoding));
  const { minTeachers = 2 } = unlabelled.agreement ?? { minTeachers: 1 };
  if (labellers.length < minTeachers) throw tooFew(labellers.length, minTeachers);
  return { labellers, selection: labellingSelection(unlabelled, labellers.length), needsRoundTrip };
}

const tooFew = (teachers: number, minTeachers: number): SlmError =>
  new SlmError(
    "CONFIG_INVALID",
    `cache: unlabelled.agreement needs at least ${minTeachers} teachers, got ${teachers}`,
    {
      suggestions: [
        "name further directories of teachers in cache.unlabelled.agreement.teachers",
        "use an ensemble",
      ],
    },
  );
