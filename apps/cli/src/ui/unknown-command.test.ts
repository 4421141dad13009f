import { expect, test } from "vitest";
import { unknownCommand } from "./unknown-command.js";

const IDS = ["model:check", "model:import", "run"];

test("an argument of a nested command that takes none is named as such", () => {
  expect(unknownCommand("model check runs/mine", IDS)).toMatchObject({
    code: "USAGE",
    message: "slm model check takes no argument, got 'runs/mine'",
    suggestions: ["slm model check --help"],
  });
});

test("a misspelt command is still one that does not exist", () => {
  expect(unknownCommand("model chek runs/mine", IDS)).toMatchObject({
    message: "no such command: slm model chek runs/mine",
    suggestions: ["slm model check --help", "slm --help"],
  });
});
