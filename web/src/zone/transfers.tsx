import type { Course } from "../api/insight";
import { Bars, Legend, type Class } from "../plot/bars";
import { counted, octets } from "../ui/format";
import { Card } from "../ui/page";

const classes: readonly Class[] = [
  { label: "Differences (IXFR)", colour: "plot-main" },
  { label: "Whole zones (AXFR)", colour: "plot-second" },
];

/** What went to secondaries in each hour of the day. */
export function TransfersPlot({ course }: { course: Course }) {
  const cells = course.hours.map((h) => [h.step_octets, h.full_octets]);
  const sums = [0, 1].map((i) => cells.reduce((n, c) => n + c[i]!, 0));
  const times = course.hours.reduce((n, h) => n + h.full + h.steps, 0);
  const refused = course.hours.reduce((n, h) => n + h.refused, 0);
  const failed = course.hours.reduce((n, h) => n + h.failed, 0);
  return (
    <Card title="Transfers of the last 24 hours">
      {times + refused + failed === 0 ? (
        <p className="m-0 text-sm text-kumo-subtle">Nobody has transferred the zone.</p>
      ) : (
        <div className="flex flex-col gap-3">
          <Bars label="Octets transferred by hour" cells={cells} classes={classes} end={course.hour_end} step={3600} since={course.since} say={octets} />
          <Legend classes={classes} sums={sums} say={octets} />
          <p className="m-0 text-sm">
            {counted(times, "transfer")}
            {refused > 0 && <span className="ml-3 text-kumo-danger">{`${refused} refused`}</span>}
            {failed > 0 && <span className="ml-3 text-kumo-danger">{`${failed} ended early`}</span>}
          </p>
        </div>
      )}
    </Card>
  );
}
