/**
 * Targets by speculative knowledge distillation (arXiv:2410.11325): the student proposes each token, and the teacher replaces those that
 * it does not rank among its k most probable ones. A token is a function of the tokens before it and of two uniform numbers of its
 * position, so whole proposals can be judged at once, with the same result as token by token:
 *
 *   the student samples the rest of every target ──► the teacher scores all positions in one pass
 *        ▲                                                   │
 *        └── up to the first bad token, then the teacher's ◄─┘        until no token is bad
 *
 * Cost: one run of the sampler and one pass of the teacher per round. On-policy sampling is one round; here rounds are one more than the
 * replaced tokens of the row that has most, at most `rounds`. The last pass also gives the distributions that the loss reads.
 *
 * Differences from the paper: a replacement is sampled from the teacher's top k rather than from its whole distribution, so that every
 * token of a target is among them; after the last round a target ends before its first bad token.
 */
import { createRandom } from "@slm/generation";
import { createHostTensor, type DeviceTensor, type HostTensor } from "@slm/runtime";
import { math, sampleTokens, tokenRanks, type Engine, type Program } from "@slm/tensor";
import { uniformNumbers, type PassShape } from "@slm/training";
import type { TeacherFeeds } from "./distillation-teacher.js";

export interface SpeculativeSettings {
  /** Tokens that the teacher accepts at each position: its k most probable. */
  readonly topK: number;
  /** Largest number of rounds. */
  readonly rounds: number;
}

/** Targets, and the teacher's distributions over them. */
export interface ScoredTargets {
  readonly targets: readonly number[][];
  readonly teacherFeeds: TeacherFeeds;
}

export interface SpeculativeRequest {
  /**
   * The student's targets that begin with the given tokens (finished if they end with EOS), without EOS, each token a pure function of
   * those before it.
   */
  propose(prefixes: readonly (readonly number[])[]): Promise<readonly number[][]>;
  /** The teacher's logits at every position of these targets, fed as `teacher`. */
  score(targets: readonly number[][]): Promise<TeacherFeeds>;
  readonly rows: number;
  /** Largest number of tokens of a target without EOS. */
  readonly limit: number;
  /** Seed of the teacher's replacements. */
  readonly seed: number;
}

export interface SpeculativeOptions {
  readonly settings: SpeculativeSettings;
  readonly shape: Pick<PassShape, "batch" | "target">;
  /** Columns of the teacher's distributions. */
  readonly vocabulary: number;
  readonly eos: number;
}

/** Verdict on each position of a batch. */
interface Judgement {
  readonly isAccepted: Int32Array;
  readonly replacement: Int32Array;
}

/** Judges proposals of batches of one shape. */
export class SpeculativeTargets {
  readonly #settings: SpeculativeSettings;
  readonly #shape: Pick<PassShape, "batch" | "target">;
  readonly #eos: number;
  readonly #judge: Program;
  readonly #engine: Engine;

  private constructor(engine: Engine, judge: Program, { settings, shape, eos }: SpeculativeOptions) {
    this.#engine = engine;
    this.#judge = judge;
    this.#settings = settings;
    this.#shape = shape;
    this.#eos = eos;
  }

  /** Compiles the program of one shape. */
  static async create(engine: Engine, options: SpeculativeOptions): Promise<SpeculativeTargets> {
    const { shape, vocabulary, settings } = options;
    const positions = shape.batch * shape.target;
    const judge = await engine.compile({
      name: `speculative judge ${shape.batch}x${shape.target}`,
      forwardOnly: true,
      inputs: {
        teacher: { dtype: "float32", shape: [positions, vocabulary] },
        proposed: { dtype: "int32", shape: [positions] },
        uniform: { dtype: "float32", shape: [positions, 1] },
      },
      build: (x) => ({
        rank: tokenRanks(x["teacher"]!, x["proposed"]!),
        replacement: math.reshape(
          sampleTokens(x["teacher"]!, x["uniform"]!, { temperature: 1, topK: settings.topK }),
          [positions],
        ),
      }),
    });
    return new SpeculativeTargets(engine, judge, options);
  }

  /** Targets of one batch; the caller releases what the feeds own. */
  async draw(request: SpeculativeRequest): Promise<ScoredTargets> {
    const uniform = this.#uniform(request.seed);
    let prefixes: readonly (readonly number[])[] = Array.from({ length: request.rows }, () => []);
    for (let round = 1; ; round++) {
      const proposed = await request.propose(prefixes);
      const teacherFeeds = await request.score(proposed);
      const judged = await this.#judged(teacherFeeds.feeds["teacher"]!, proposed, uniform, request.limit);
      const bad = proposed.map((target, row) =>
        this.#firstBad(judged, row, prefixes[row]!.length, this.#positionsOf(target, request.limit)),
      );
      if (bad.every((at) => at === undefined)) return { targets: proposed, teacherFeeds };
      if (round === this.#settings.rounds) {
        const targets = proposed.map((target, row) => target.slice(0, bad[row]));
        return { targets, teacherFeeds };
      }
      prefixes = proposed.map((target, row) => {
        const at = bad[row];
        if (at === undefined) return target.length < request.limit ? [...target, this.#eos] : target;
        return [...target.slice(0, at), judged.replacement[row * this.#shape.target + at]!];
      });
      await this.#engine.release(teacherFeeds.owned);
    }
  }

  close(): Promise<void> {
    return this.#judge.release();
  }

  /** Positions of a target that are judged: its tokens, and EOS unless the limit cut it. */
  #positionsOf({ length }: readonly number[], limit: number): number {
    return Math.min(length < limit ? length + 1 : length, this.#shape.target);
  }

  /** The first position from `begin` on whose token the teacher does not accept. */
  #firstBad({ isAccepted }: Judgement, row: number, begin: number, end: number): number | undefined {
    const start = row * this.#shape.target;
    for (let at = begin; at < end; at++) if (isAccepted[start + at] === 0) return at;
    return undefined;
  }

  /** One number per position, the same in every round. */
  #uniform(seed: number): HostTensor {
    const { next } = createRandom(seed);
    const positions = this.#shape.batch * this.#shape.target;
    return createHostTensor("float32", [positions, 1], uniformNumbers(positions, next));
  }

  async #judged(
    teacher: HostTensor | DeviceTensor,
    proposed: readonly number[][],
    uniform: HostTensor,
    limit: number,
  ): Promise<Judgement> {
    const { batch, target: width } = this.#shape;
    const ids = new Int32Array(batch * width);
    proposed.forEach((target, row) => {
      const judged = this.#positionsOf(target, limit);
      for (let at = 0; at < judged; at++) ids[row * width + at] = target[at] ?? this.#eos;
    });
    const { fetched } = await this.#judge.run({
      feeds: { teacher, proposed: createHostTensor("int32", [batch * width], ids), uniform },
      fetch: ["rank", "replacement"],
    });
    const ranks = fetched["rank"]!.data as Int32Array;
    return {
      isAccepted: ranks.map((rank) => (rank < this.#settings.topK ? 1 : 0)),
      replacement: fetched["replacement"]!.data as Int32Array,
    };
  }
}
