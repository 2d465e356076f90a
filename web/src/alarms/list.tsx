import { Badge } from "@cloudflare/kumo/components/badge";
import { Button } from "@cloudflare/kumo/components/button";
import { Link } from "@cloudflare/kumo/components/link";
import { Pagination } from "@cloudflare/kumo/components/pagination";
import { useQuery } from "@tanstack/react-query";
import { useState } from "react";
import { alarmsQuery, patchAlarm, type Alarm } from "../api/alarms";
import { useAction } from "../ui/action";
import { Begin } from "../ui/begin";
import { ago, moment } from "../ui/format";
import { Loaded, Skeleton } from "../ui/page";
import { readOnlyText, useMay } from "../ui/rights";

const perPage = 50;

/** Hours that an alarm can be silenced for by one click. */
const silence = 24;

/** What is wrong now, or was. */
export function AlarmList(props: { account: string; state: "raised" | "cleared" }) {
  const { account, state } = props;
  const [page, setPage] = useState(1);
  const alarms = useQuery(alarmsQuery(account, state, page, perPage));
  return (
    <Loaded query={alarms} waiting={<Skeleton />}>
      {({ result: list, result_info: info }) =>
        list.length === 0 ? (
          <Begin
            title={state === "raised" ? "Nothing is wrong" : "No alarm has cleared"}
            about={
              state === "raised"
                ? "No alarm is raised. One is as soon as a secondary falls behind, refuses or comes near its expiry, when the parent names others, or when a key waits for somebody."
                : "What was wrong and is so no more stands here, with when it was and who acknowledged it."
            }
            steps={[
              <>
                See <Link href={`/${account}/alarms?tab=rules`}>what raises an alarm</Link>, and after how long.
              </>,
              <>
                Name a <Link href={`/${account}/alarms?tab=receivers`}>receiver</Link>, so that somebody is told while nobody looks here.
              </>,
              "When one is raised: acknowledge it, so that others know; silence it for a day while it is being mended.",
            ]}
          />
        ) : (
          <>
            <ul className="m-0 flex list-none flex-col rounded-lg bg-kumo-base p-0 ring ring-kumo-hairline" aria-label={state === "raised" ? "Raised alarms" : "Cleared alarms"}>
              {list.map((a) => (
                <Item key={a.id} account={account} alarm={a} />
              ))}
            </ul>
            {(info.total_count ?? 0) > perPage && (
              <div className="pager">
                <Pagination page={page} setPage={setPage} perPage={perPage} totalCount={info.total_count ?? list.length} />
              </div>
            )}
          </>
        )
      }
    </Loaded>
  );
}

function Item({ account, alarm: a }: { account: string; alarm: Alarm }) {
  const may = useMay(account, "Account Settings Write");
  const patch = useAction({ stale: [["alarms", account]], run: (body: Parameters<typeof patchAlarm>[2]) => patchAlarm(account, a.id, body) });
  const silenced = a.silenced_until !== null && Date.parse(a.silenced_until) > Date.now();
  const why = may ? undefined : readOnlyText;
  return (
    <li className="grid items-center gap-x-4 gap-y-1 border-b border-kumo-hairline px-4 py-2 last:border-0 md:grid-cols-[6rem_1fr_auto]">
      <span>
        {a.state === "raised" ? (
          <Badge appearance="dot" variant={a.severity === "critical" ? "error" : "warning"}>
            {a.severity === "critical" ? "Critical" : "Warning"}
          </Badge>
        ) : (
          <Badge appearance="dot" variant="neutral">
            Cleared
          </Badge>
        )}
      </span>
      <div className="min-w-0">
        <span className="break-words">{a.text}</span>
        <span className="block text-sm text-kumo-subtle">
          {a.zone_name && (
            <Link href={`/${account}/${a.zone_name}/secondaries`} className="mr-3">
              {a.zone_name}
            </Link>
          )}
          <time dateTime={a.raised_on} title={moment(a.raised_on)}>{`since ${ago(a.raised_on)}`}</time>
          {a.cleared_on && <time dateTime={a.cleared_on} title={moment(a.cleared_on)} className="ml-3">{`cleared ${ago(a.cleared_on)}`}</time>}
          {a.acknowledged_on && <span className="ml-3">{`acknowledged by ${a.acknowledged_by || "somebody"}`}</span>}
          {silenced && <span className="ml-3">{`silenced until ${moment(a.silenced_until)}`}</span>}
        </span>
      </div>
      {a.state === "raised" && (
        <div className="flex flex-wrap gap-1">
          {!a.acknowledged_on && (
            <Button size="sm" disabled={!may || patch.busy} title={why} aria-label={`Acknowledge: ${a.text}`} onClick={() => patch.run({ acknowledged: true })}>
              Acknowledge
            </Button>
          )}
          <Button
            size="sm"
            variant="ghost"
            disabled={!may || patch.busy}
            title={why}
            aria-label={`${silenced ? "Tell again" : "Silence for a day"}: ${a.text}`}
            onClick={() => patch.run({ silenced_until: silenced ? null : new Date(Date.now() + silence * 3_600_000).toISOString() })}
          >
            {silenced ? "Tell again" : "Silence for a day"}
          </Button>
        </div>
      )}
    </li>
  );
}
