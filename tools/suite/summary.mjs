/** From finished cells to figures: for each task and number of labels every arm with its interval, its gain and its cost. */
import { ARM_NAMES, ARMS, BASE_ARM, COMPARED } from "./arms.mjs";
import { gainOver, intervalOf, meanOver, sampleArms } from "./statistics.mjs";
import { TASK_NAMES, TASKS } from "./tasks.mjs";

/** Stages of the teacher, whose cost is shown apart. */
const TEACHER_STAGES = ["teacher", "cache"];

const mean = (numbers) => numbers.reduce((sum, one) => sum + one, 0) / numbers.length;
const minutes = (cells, stages) =>
  mean(cells.map(({ seconds }) => stages.reduce((sum, stage) => sum + seconds[stage], 0) / 60));
const unique = (values) => [...new Set(values)];

/**
 * @param cells results of finished cells.
 * @param readPredictions of a cell, in the order of its test rows.
 * @returns `tasks`: one entry for each task and number of labels; `means`: the mean gains of an arm over another, over the tasks that have both.
 */
export async function summarize(cells, readPredictions) {
  const tasks = [];
  const gains = [];
  for (const task of TASK_NAMES.filter((name) => cells.some((cell) => cell.task === name)))
    for (const labels of unique(cells.filter((cell) => cell.task === task).map((cell) => cell.labels))) {
      const here = cells.filter((cell) => cell.task === task && cell.labels === labels);
      const names = ARM_NAMES.filter((arm) => here.some((cell) => cell.arm === arm));
      const byArm = Object.fromEntries(names.map((arm) => [arm, here.filter((cell) => cell.arm === arm)]));
      const predictions = {};
      for (const arm of names) predictions[arm] = await Promise.all(byArm[arm].map(readPredictions));
      const { metric } = TASKS[task];
      const sampled = sampleArms(metric, predictions, 1);
      const pairs = [
        ...names.filter((arm) => arm !== BASE_ARM).map((arm) => [arm, BASE_ARM]),
        ...COMPARED,
      ].filter((pair) => pair.every((arm) => names.includes(arm)));
      for (const [arm, base] of pairs)
        gains.push({ task, labels, arm, base, gain: gainOver(sampled, arm, base) });
      const arms = names.map((arm) => {
        const found = gains.find(
          (one) => one.task === task && one.labels === labels && one.arm === arm && one.base === BASE_ARM,
        );
        return armFigures(arm, byArm[arm], sampled.arms[arm], found?.gain);
      });
      tasks.push({ task, labels, metric, rows: here[0].n, trainRows: here[0].trainRows, arms });
    }
  return { tasks, means: meanGains(gains) };
}

function armFigures(arm, cells, { value, samples }, gain) {
  const first = cells[0];
  return {
    arm,
    seeds: cells.map(({ seed }) => seed),
    ...intervalOf(value, samples),
    gain: gain === undefined ? null : intervalOf(gain.value, gain.samples),
    teacherMinutes: minutes(cells, TEACHER_STAGES),
    studentMinutes: ARMS[arm].isTeacher ? null : minutes(cells, ["distill"]),
    parameters: first.parameters,
    deployed: { ...first.deployed, msPerAnswer: mean(cells.map(({ deployed }) => deployed.msPerAnswer)) },
  };
}

function meanGains(gains) {
  const groups = unique(gains.map(({ labels, arm, base }) => JSON.stringify([labels, arm, base])));
  return groups.map((group) => {
    const [labels, arm, base] = JSON.parse(group);
    const of = gains.filter((one) => one.labels === labels && one.arm === arm && one.base === base);
    const { value, samples } = meanOver(of.map(({ gain }) => gain));
    return { labels, arm, base, tasks: of.map(({ task }) => task), ...intervalOf(value, samples) };
  });
}
