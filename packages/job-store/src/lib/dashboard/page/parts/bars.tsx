const HEIGHT = 28;
const STEP = 4;

/** Plot of numbers as bars. `label` says in words the same as the bars. */
export function Bars({ values, label, sort }: { values: readonly number[]; label: string; sort: string }) {
  const max = Math.max(1, ...values);
  const width = Math.max(1, values.length) * STEP - 1;
  return (
    <svg
      class={`bars sort-${sort}`}
      viewBox={`0 0 ${width} ${HEIGHT}`}
      preserveAspectRatio="none"
      role="img"
      aria-label={label}
    >
      <rect class="axis" x="0" y={HEIGHT - 1} width={width} height="1" />
      {values.map((value, n) => {
        if (value === 0) return null;
        // A small number next to a large one stays visible.
        const height = Math.max(2, (value / max) * (HEIGHT - 1));
        return <rect key={n} x={n * STEP} y={HEIGHT - height} width={STEP - 1} height={height} />;
      })}
    </svg>
  );
}
