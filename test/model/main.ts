// Runs schedules of the model. Options: see README.md.
import { parseArgs } from "node:util";
import { PRESET_NAMES, PRESETS, type PresetName } from "./presets.js";
import { RULE_NAMES, Rules } from "./rules.js";
import { runScript, search, shrink } from "./schedule.js";

const { values } = parseArgs({
  options: {
    preset: { type: "string", multiple: true, default: [...PRESET_NAMES] },
    schedules: { type: "string", default: "5000" },
    seed: { type: "string", default: "1" },
    without: { type: "string", multiple: true, default: [] },
  },
});
const pick = <Name extends string>(given: readonly string[], names: readonly Name[], what: string): Name[] =>
  given.map((text) => {
    const name = names.find((one) => one === text);
    if (name === undefined) throw new Error(`Unknown ${what} "${text}". Known: ${names.join(", ")}`);
    return name;
  });
const rules = new Rules(pick(values.without, RULE_NAMES, "rule"));
const presets: PresetName[] = pick(values.preset, PRESET_NAMES, "preset");

for (const name of presets) {
  const preset = PRESETS[name];
  const started = performance.now();
  const { schedules, found } = search(preset, rules, Number(values.seed), Number(values.schedules), false);
  console.log(`${name}: ${schedules} schedules, ${((performance.now() - started) / 1000).toFixed(1)} s`);
  for (const [invariant, { seed, result, count }] of found) {
    const script = shrink(preset, rules, result.trace, invariant);
    const { violation } = runScript(preset, rules, script, true);
    console.log(`  ${count} violations. Seed ${seed}: ${violation?.message}`);
    for (const label of script) console.log(`    ${label}`);
    process.exitCode = 1;
  }
}
