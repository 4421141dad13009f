/**
 * Questions about drawn scenes, made up and drawn, the same for the same seed.
 *
 *   {"source": "how many red shapes are there?", "target": "3", "image": "images/train/a0/a0….png",
 *    "teacherSource": "large red star at 20 31; ... . how many red shapes are there?"}
 */
import { ANSWER_MARK } from "@slm/metrics";
import { z } from "zod";
import { Draw } from "../draw.js";
import { drawnPicture, type DrawPictures } from "../images/drawn-pictures.js";
import type { ScannedLine } from "../read-rows.js";
import { CHART_QUESTIONS } from "./chart-questions.js";
import { describeChart, drawChartScene, paintChart, type ChartScene } from "./chart-scene.js";
import { questionsOf, type Question } from "./question.js";
import { SHAPE_QUESTIONS } from "./shape-questions.js";
import { describeShapes, drawShapesScene, paintShapes, shuffled, type ShapesScene } from "./shapes-scene.js";

export const TOPICS = ["shapes", "charts"] as const;

export const scenesSource = z.strictObject({
  kind: z.literal("scenes"),
  rows: z.int().positive().max(50_000_000).default(20_000).describe("Questions made up [rows]."),
  seed: z
    .int()
    .nonnegative()
    .default(1)
    .describe("Seed of scenes and questions; more rows do not change the first ones."),
  pixels: z.int().min(48).max(512).default(96).describe("Width and height of the pictures [pixels]."),
  topics: z
    .array(z.enum(TOPICS))
    .min(1)
    .refine((topics) => new Set(topics).size === topics.length, "a topic stands there twice")
    .default([...TOPICS])
    .describe("What scenes show, in turn: coloured shapes, bar charts."),
  questions: z.int().min(1).max(8).default(4).describe("Questions about each scene."),
  rationales: z
    .boolean()
    .default(false)
    .describe(
      "Targets say first what the scene shows and what of it matters, then the answer behind ####; metric answerMatch.",
    ),
});
export type ScenesSettings = z.infer<typeof scenesSource>;

export type Scene = ShapesScene | ChartScene;

/** Streams of random numbers: what a scene has, how it is painted, what is asked. */
const STREAMS = {
  scene: 0,
  paint: 2 ** 32,
  order: 2 ** 33,
  questions: 2 ** 34,
} as const;
/** Numbers of streams between the questions of one scene and of the next. */
const STREAMS_PER_SCENE = 64;

/** Every row in order; `line` is its place. A scene is in one split only, with all its questions. */
export async function* scanScenes(settings: ScenesSettings): AsyncGenerator<ScannedLine> {
  const { rows, seed, pixels, topics, rationales } = settings;
  for (let line = 1; line <= rows; line++) {
    const { index, scene, truth, question } = sceneRow(settings, line);
    const { source, rationale } = question;
    const target = rationales ? `${rationale} ${ANSWER_MARK} ${question.target}` : question.target;
    const drawnFrom = ["scenes", seed, index, pixels, ...topics];
    yield await Promise.resolve({
      line,
      row: { source, target, teacherSource: `${truth}. ${source}` },
      picture: drawnPicture(drawnFrom, JSON.stringify(scene), { width: pixels, height: pixels }),
    });
  }
}

export function sceneDrawer(settings: ScenesSettings): DrawPictures {
  const { seed, pixels } = settings;
  return async (line) => {
    const index = sceneIndex(settings, line);
    const scene = sceneAt(settings, index);
    const draw = new Draw(seed, STREAMS.paint + index);
    return scene.topic === "shapes" ? paintShapes(scene, pixels, draw) : paintChart(scene, pixels, draw);
  };
}

export interface SceneRow {
  /** The scene's place, counted from 0. */
  readonly index: number;
  readonly scene: Scene;
  /** What the scene shows, in words. */
  readonly truth: string;
  readonly question: Question;
}

/** The question at a place, with the scene that it is about. */
export function sceneRow(settings: ScenesSettings, line: number): SceneRow {
  const { seed, questions } = settings;
  const index = sceneIndex(settings, line);
  const scene = sceneAt(settings, index);
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

function sceneIndex({ questions }: ScenesSettings, line: number): number {
  return Math.floor((line - 1) / questions);
}

function sceneAt({ seed, topics }: ScenesSettings, index: number): Scene {
  const draw = new Draw(seed, STREAMS.scene + index);
  return topics[index % topics.length] === "shapes" ? drawShapesScene(draw) : drawChartScene(draw);
}
