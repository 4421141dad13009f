/** The suite's result for people: a Markdown table for each task, and a page with learning curves. */
import { lineChart, markdownTable, reportPage } from "@slm/report";
import { ALL_LABELS, ARM_NAMES, ARMS, ARMS_EXPLAINED } from "./arms.mjs";
import { TASKS } from "./tasks.mjs";

const fixed = (value, digits = 1) => value.toFixed(digits);
const signed = (value) => `${value >= 0 ? "+" : "−"}${fixed(Math.abs(value))}`;
const span = ({ low, high }, text) => `${text(low)} to ${text(high)}`;
const count = (value) => value.toLocaleString("en");

const COLUMNS = [
  { title: "labels", align: "right" },
  { title: "arm", align: "left" },
  { title: "mean", align: "right" },
  { title: "95 % interval", align: "right" },
  { title: "against labels only", align: "right" },
  { title: "95 % interval", align: "right" },
  { title: "teacher [min]", align: "right" },
  { title: "student [min]", align: "right" },
  { title: "parameters", align: "right" },
  { title: "deployed [bytes]", align: "right" },
  { title: "ms per answer", align: "right" },
];

/** The rows of one task, for every number of labels. */
export function taskTable(entries) {
  return {
    columns: COLUMNS,
    rows: entries.flatMap(({ labels, arms }) =>
      arms.map((figures) => {
        const { arm, value, gain, teacherMinutes, studentMinutes, parameters, deployed } = figures;
        return [
          typeof labels === "number" ? count(labels) : labels,
          ARMS[arm].title,
          fixed(value),
          span(figures, fixed),
          gain === null ? "" : signed(gain.value),
          gain === null ? "" : span(gain, signed),
          teacherMinutes === 0 ? "" : fixed(teacherMinutes),
          studentMinutes === null ? "" : fixed(studentMinutes),
          count(parameters),
          count(deployed.bytes),
          fixed(deployed.msPerAnswer),
        ];
      }),
    ),
  };
}

/** Mean gains over tasks. */
export function meansTable(means) {
  return {
    columns: [
      { title: "labels", align: "right" },
      { title: "arm", align: "left" },
      { title: "over", align: "left" },
      { title: "tasks", align: "right" },
      { title: "mean gain [points]", align: "right" },
      { title: "95 % interval", align: "right" },
    ],
    rows: means.map(({ labels, arm, base, tasks, value, low, high }) => [
      typeof labels === "number" ? count(labels) : labels,
      ARMS[arm].title,
      ARMS[base].title,
      String(tasks.length),
      signed(value),
      span({ low, high }, signed),
    ]),
  };
}

const METHOD =
  "Mean over seeds in points. Intervals: bootstrap over test rows and seeds, 1,000 times; differences are paired by rows. Arms of a task " +
  "have the same data, steps, batches and schedule. Minutes of the teacher are its fine-tuning and its labels and distributions, which arms " +
  "and seeds share. Deployed bytes and milliseconds are those of the quantized student, one answer of the task's median length at a time, beside the teacher in float32. " +
  `Answers were measured on the float32 models.\n\n${ARMS_EXPLAINED}`;

function byTask({ tasks }) {
  return Object.keys(TASKS).flatMap((task) => {
    const entries = tasks.filter((entry) => entry.task === task);
    return entries.length === 0 ? [] : [{ task, entries }];
  });
}

const headingOf = ({ task, entries: [{ metric, rows }] }) =>
  `${TASKS[task].title}: ${metric}, ${count(rows)} test rows`;

export function suiteMarkdown({ machine, command, summary }) {
  return [
    "# Suite: labels, teachers and students",
    machineLine(machine),
    `Command: \`${command}\``,
    METHOD,
    ...(summary.means.length === 0 ? [] : ["## Mean over tasks", markdownTable(meansTable(summary.means))]),
    ...byTask(summary).flatMap((one) => [`## ${headingOf(one)}`, markdownTable(taskTable(one.entries))]),
    "",
  ].join("\n\n");
}

const machineLine = ({ cpu, cores, memoryBytes, node, slm, int8, threads }) =>
  `${cpu}, ${cores} cores, threads ${threads ?? "as slm chooses"}, ${fixed(memoryBytes / 2 ** 30, 0)} GiB; ${int8}; Node ${node}, slm ${slm}.`;

/** The page with one learning curve for each task: its metric against the number of labels, one line for each arm. */
export async function suitePage({ machine, command, summary }) {
  const sections = await Promise.all(
    byTask(summary).map(async (one) => ({
      heading: headingOf(one),
      svg: await learningCurve(one),
      table: taskTable(one.entries),
    })),
  );
  return reportPage({
    title: "Labels, teachers and students",
    subtitle: `${machineLine(machine)} ${command}`,
    sections: [{ heading: "Mean over tasks", text: METHOD, table: meansTable(summary.means) }, ...sections],
  });
}

/** All labels lie where their number of rows is. */
function learningCurve({ task, entries }) {
  const at = ({ labels, trainRows }) => (labels === ALL_LABELS ? trainRows : labels);
  const series = ARM_NAMES.flatMap((arm) => {
    const found = entries.flatMap((entry) => {
      const figures = entry.arms.find((one) => one.arm === arm);
      return figures === undefined ? [] : [{ x: at(entry), ...figures }];
    });
    if (found.length === 0) return [];
    return [
      {
        name: ARMS[arm].title,
        points: found.map(({ x, value }) => [x, value]),
        intervals: found.map(({ x, low, high }) => [x, low, high]),
      },
    ];
  });
  return lineChart({
    title: TASKS[task].title,
    xLabel: "training rows with labels (logarithmic)",
    yLabel: `${entries[0].metric} [points]`,
    logX: true,
    series,
    showLegend: true,
  });
}
