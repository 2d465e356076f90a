/** A line without axes: how a number went, the newest at the right. */
export function Spark(props: { label: string; values: readonly number[]; className?: string }) {
  const { values } = props;
  if (values.length < 2) return null;
  const most = Math.max(...values, 1);
  const points = values.map((v, i) => `${(i / (values.length - 1)) * 100},${22 - (v / most) * 20}`).join(" ");
  return (
    <svg role="img" aria-label={props.label} viewBox="0 0 100 24" preserveAspectRatio="none" className={props.className ?? "h-6 w-32"}>
      <polyline points={points} fill="none" className="plot-line" vectorEffect="non-scaling-stroke" />
    </svg>
  );
}
