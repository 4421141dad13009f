/**
 * Generates questions about drawn scenes. The rows depend only on the seed.
 *
 *   {"source": "how many red shapes are there?", "target": "3", "image": "images/train/a0/a0….png",
 *    "teacherSource": "large red star at 20 31; ... . how many red shapes are there?"}
 */
import { defineDataset, type Example } from "@slm/data";
import { ANSWER_MARK } from "@slm/metrics";
import { z } from "zod";
import type { Bitmap } from "../shared/bitmap.js";
import { Draw } from "../shared/draw.js";
import { encodePng } from "../shared/png.js";
import { CHART_QUESTIONS } from "./chart-questions.js";
import { describeChart, drawChartScene, paintChart, type ChartScene } from "./chart-scene.js";
import { questionsOf, type Question } from "./question.js";
import { SHAPE_QUESTIONS } from "./shape-questions.js";
import { describeShapes, drawShapesScene, paintShapes, shuffled, type ShapesScene } from "./shapes-scene.js";

export const TOPICS = ["shapes", "charts"] as const;

export const settings = z.strictObject({
  rows: z.int().positive().max(50_000_000).default(20_000).describe("Number of synthetic questions [rows]."),
  seed: z
    .int()
    .nonnegative()
    .default(1)
    .describe("Seed of scenes and questions; more rows do not change the first ones."),
  pixels: z.int().min(48).max(512).default(96).describe("Width and height of the images [pixels]."),
  topics: z
    .array(z.enum(TOPICS))
    .min(1)
    .refine((topics) => new Set(topics).size === topics.length, "list each topic only once")
    .default([...TOPICS])
    .describe("Topics of the scenes, which alternate: coloured shapes, bar charts."),
  questions: z.int().min(1).max(8).default(4).describe("Number of questions per scene."),
  rationales: z
    .boolean()
    .default(false)
    .describe("Start targets with a rationale, followed by #### and the answer. Use metric answerMatch."),
});
export type ScenesSettings = z.infer<typeof settings>;

export type Scene = ShapesScene | ChartScene;

/** Streams of random numbers: content of a scene, its look, the questions. */
const STREAMS = {
  scene: 0,
  paint: 2 ** 32,
  order: 2 ** 33,
  questions: 2 ** 34,
} as const;
/** Offset between the streams of the questions of adjacent scenes. */
const STREAMS_PER_SCENE = 64;

type Topic = (typeof TOPICS)[number];

/** Parameters of an image: the seed, the number of the scene, and all settings that affect its pixels. */
type SceneImage = readonly ["scenes", number, number, number, ...Topic[]];

/** All examples in order. A scene is in one split only, with all its questions. */
export function* examples(given: ScenesSettings): Generator<Example<SceneImage>> {
  const { rows, seed, pixels, topics, rationales } = given;
  for (let place = 1; place <= rows; place++) {
    const { index, scene, truth, question } = sceneRow(given, place);
    const { source, rationale } = question;
    const target = rationales ? `${rationale} ${ANSWER_MARK} ${question.target}` : question.target;
    const drawnFrom: SceneImage = ["scenes", seed, index, pixels, ...topics];
    const image = { drawnFrom, shows: JSON.stringify(scene), width: pixels, height: pixels };
    yield { source, target, teacherSource: `${truth}. ${source}`, image };
  }
}

/** The image of a scene, by its number. */
export async function drawScene(given: ScenesSettings, index: number): Promise<Bitmap> {
  const { seed, pixels } = given;
  const scene = sceneAt(given, index);
  const draw = new Draw(seed, STREAMS.paint + index);
  return scene.topic === "shapes" ? paintShapes(scene, pixels, draw) : paintChart(scene, pixels, draw);
}

export interface SceneRow {
  /** Index of the scene. */
  readonly index: number;
  readonly scene: Scene;
  /** The scene in words. */
  readonly truth: string;
  readonly question: Question;
}

/** The question at an index, with its scene. */
export function sceneRow(given: ScenesSettings, line: number): SceneRow {
  const { seed, questions } = given;
  const index = Math.floor((line - 1) / questions);
  const scene = sceneAt(given, index);
  const place = (line - 1) % questions;
  const order = new Draw(seed, STREAMS.order + index);
  const drawOf = (round: number): Draw =>
    new Draw(seed, STREAMS.questions + index * STREAMS_PER_SCENE + round);
  const asked =
    scene.topic === "shapes"
      ? questionsOf(scene, SHAPE_QUESTIONS, shuffled(order, Object.keys(SHAPE_QUESTIONS)), drawOf, place + 1)
      : questionsOf(scene, CHART_QUESTIONS, shuffled(order, Object.keys(CHART_QUESTIONS)), drawOf, place + 1);
  const truth = scene.topic === "shapes" ? describeShapes(scene) : describeChart(scene);
  return { index, scene, truth, question: asked[place]! };
}

function sceneAt({ seed, topics }: ScenesSettings, index: number): Scene {
  const draw = new Draw(seed, STREAMS.scene + index);
  return topics[index % topics.length] === "shapes" ? drawShapesScene(draw) : drawChartScene(draw);
}

export default defineDataset({
  settings,
  examples,
  draw: async ([, , index], given) => encodePng(await drawScene(given, index)),
});
