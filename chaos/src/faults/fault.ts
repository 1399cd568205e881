import type { Random } from "../random.js";
import type { World } from "../world.js";

/** One kind of harm. */
export interface Fault {
  readonly kind: string;
  /** How often it is chosen among those of its lane. */
  readonly weight: number;
  /** How long it lasts, from … to, in ms. */
  readonly holdMs: readonly [number, number];
  /** Does it, and answers how to undo it. */
  inject(world: World, random: Random): Promise<() => Promise<void>>;
}

/** Over as soon as it is done. */
export const nothingToHeal = async (): Promise<void> => {};
