interface Due {
  readonly key: string;
  readonly at: number;
}

/** Times at which keys are due. Each operation costs at most the logarithm of their number. */
export class DueTimes {
  readonly #times = new Map<string, number>();
  /** Binary heap with the earliest time first. An entry whose key has another time by now is skipped. */
  readonly #heap: Due[] = [];

  /** Sets the time of a key, in place of an earlier one. */
  set(key: string, at: number): void {
    this.#times.set(key, at);
    const heap = this.#heap;
    let child = heap.length;
    heap.push({ key, at });
    while (child > 0) {
      const parent = (child - 1) >> 1;
      if (at >= (heap[parent] as Due).at) break;
      swap(heap, child, parent);
      child = parent;
    }
  }

  delete(key: string): void {
    this.#times.delete(key);
  }

  /** Earliest time. Infinity: there are no keys. */
  get next(): number {
    for (;;) {
      const [first] = this.#heap;
      if (first === undefined) return Number.POSITIVE_INFINITY;
      if (this.#times.get(first.key) === first.at) return first.at;
      this.#removeFirst();
    }
  }

  /** Removes the keys that are due at `now`, and returns them in order. */
  take(now: number): string[] {
    const due: string[] = [];
    while (this.next <= now) {
      const { key } = this.#heap[0] as Due;
      this.#removeFirst();
      this.#times.delete(key);
      due.push(key);
    }
    return due;
  }

  #removeFirst(): void {
    const heap = this.#heap;
    const last = heap.pop();
    if (last === undefined || heap.length === 0) return;
    heap[0] = last;
    let parent = 0;
    for (;;) {
      const left = 2 * parent + 1;
      const right = left + 1;
      let first = parent;
      if (left < heap.length && (heap[left] as Due).at < (heap[first] as Due).at) first = left;
      if (right < heap.length && (heap[right] as Due).at < (heap[first] as Due).at) first = right;
      if (first === parent) return;
      swap(heap, first, parent);
      parent = first;
    }
  }
}

function swap(heap: Due[], a: number, b: number): void {
  [heap[a], heap[b]] = [heap[b] as Due, heap[a] as Due];
}
