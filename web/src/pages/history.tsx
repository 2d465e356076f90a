import { Button } from "@cloudflare/kumo/components/button";
import { Empty } from "@cloudflare/kumo/components/empty";
import { useInfiniteQuery, useQuery, useSuspenseQuery } from "@tanstack/react-query";
import { useNavigate, useParams, useSearch } from "@tanstack/react-router";
import { useState } from "react";
import type { Schema } from "../api/client";
import { changeQuery, diffQuery, fileAt, historyQuery, type Goal, type ZoneChange } from "../api/history";
import { zoneQuery } from "../api/queries";
import { LineDiff, ObjectDiff, RecordDiff, SettingDiff } from "../history/diff";
import { RevertDialog } from "../history/revert";
import { by, what, who } from "../history/words";
import { InfoDialog } from "../ui/dialogs";
import { DownloadLink } from "../ui/download";
import { ago, counted, moment } from "../ui/format";
import { isoParam } from "../ui/iso";
import { MomentField } from "../ui/moment-field";
import { Card, Loaded, Page, Skeleton } from "../ui/page";
import { readOnlyText, zoneRights } from "../ui/rights";

const from = "/signed-in/$account/$zone/history";

type Asked = { goal: Goal; title: string };

/** Every change of a zone: who, when, what, and the way back. */
export default function History() {
  const { account, zone: name } = useParams({ from });
  const { since, before, from: first, to } = useSearch({ from });
  const navigate = useNavigate({ from: "/$account/$zone/history" });
  const zone = useSuspenseQuery(zoneQuery(account, name)).data;
  const list = useInfiniteQuery(historyQuery(zone.id, isoParam(since), isoParam(before, true)));
  const [asked, setAsked] = useState<Asked | null>(null);
  const may = zoneRights(zone).records;
  const info = list.data?.pages[0]?.result_info;
  const changes = list.data?.pages.flatMap((p) => p.result);
  const compare = (a: string | undefined, b: string | undefined) => void navigate({ search: (s) => ({ ...s, from: a, to: b }) });
  return (
    <Page
      title="History"
      description={info?.begins ? `Every change since ${moment(info.begins)}. Changes are kept for ${counted(info.days ?? 0, "day")}.` : undefined}
      actions={
        <form className="grid w-96 max-w-full grid-cols-2 items-start gap-2" role="search" onSubmit={(e) => e.preventDefault()}>
          <MomentField label="From" value={since} onChange={(v) => void navigate({ search: (s) => ({ ...s, since: v }), replace: true })} />
          <MomentField label="Until" value={before} onChange={(v) => void navigate({ search: (s) => ({ ...s, before: v }), replace: true })} />
        </form>
      }
    >
      <Loaded query={{ data: changes, error: list.error, refetch: list.refetch }} waiting={<Skeleton />}>
        {(all) =>
          all.length === 0 ? (
            <Empty title="No changes" description="Nothing was changed in this time, or it is not kept any more." />
          ) : (
            <>
              <ol className="m-0 flex list-none flex-col rounded-lg bg-kumo-base p-0 ring ring-kumo-hairline" aria-label="Changes, newest first">
                {all.map((c) => (
                  <ChangeItem key={c.id} zone={zone} change={c} may={may} onAsk={setAsked} onCompare={(serial) => compare(String(serial), undefined)} />
                ))}
              </ol>
              {list.hasNextPage && (
                <Button loading={list.isFetchingNextPage} onClick={() => void list.fetchNextPage()}>
                  Show older changes
                </Button>
              )}
            </>
          )
        }
      </Loaded>
      {first !== undefined && <DiffDialog zone={zone} from={first} to={to ?? ""} onClose={() => compare(undefined, undefined)} />}
      {asked && <RevertDialog zone={zone} goal={asked.goal} title={asked.title} onClose={() => setAsked(null)} />}
    </Page>
  );
}

type ItemProps = { zone: Schema<"Zone">; change: ZoneChange; may: boolean; onAsk: (a: Asked) => void; onCompare: (serial: number) => void };

/** One change; its records are read when it is opened. */
function ChangeItem({ zone, change: c, may, onAsk, onCompare }: ItemProps) {
  const [open, setOpen] = useState(false);
  const serial = c.from_serial === c.to_serial ? "" : `${c.from_serial} → ${c.to_serial}`;
  const label = `${what(c)}, ${moment(c.when)}`;
  const why = may ? undefined : readOnlyText;
  return (
    <li className="flex flex-col border-b border-kumo-hairline px-4 py-2 last:border-0">
      <div className="grid items-center gap-x-4 gap-y-1 md:grid-cols-[8rem_1fr_auto]">
        <time dateTime={c.when} title={moment(c.when)} className="text-sm text-kumo-subtle">
          {ago(c.when)}
        </time>
        <div className="min-w-0">
          <span className="font-medium">{what(c)}</span>
          {c.first.length > 0 && <span className="ml-2 font-mono text-sm wrap-anywhere">{c.first.join(" · ")}</span>}
          <span className="block text-sm text-kumo-subtle">
            {who(c)} {by(c)}
            {serial && <span className="font-mono whitespace-nowrap tabular-nums max-md:block md:ml-3">{serial}</span>}
            {c.note && <span className="ml-3 text-kumo-default">{`“${c.note}”`}</span>}
          </span>
        </div>
        <div className="flex flex-wrap gap-1">
          <Button size="sm" variant="ghost" aria-expanded={open} aria-label={`${open ? "Hide" : "Show"}: ${label}`} onClick={() => setOpen(!open)}>
            {open ? "Hide" : "Show"}
          </Button>
          {c.undo === "yes" && (
            <Button size="sm" variant="ghost" disabled={!may} title={why} aria-label={`Undo: ${label}`} onClick={() => onAsk({ goal: { change: c.id }, title: "Undo this change" })}>
              Undo
            </Button>
          )}
        </div>
      </div>
      {open && (
        <div className="flex flex-col gap-3 py-3 md:pl-36">
          <Whole zone={zone} id={c.id} />
          <div className="flex flex-wrap gap-2">
            <Button size="sm" onClick={() => onCompare(c.to_serial)}>
              Compare with now
            </Button>
            <DownloadLink size="sm" href={fileAt(zone.id, c.to_serial)} name={`${zone.name}.${c.to_serial}.txt`}>
              The zone as of then
            </DownloadLink>
            <Button size="sm" disabled={!may} title={why} onClick={() => onAsk({ goal: { serial: c.to_serial }, title: `Bring the zone back to serial ${c.to_serial}` })}>
              Go back to this version
            </Button>
          </div>
        </div>
      )}
    </li>
  );
}

function Whole(props: { zone: Schema<"Zone">; id: string }) {
  const change = useQuery(changeQuery(props.zone.id, props.id));
  return (
    <Loaded query={change}>
      {(c) => (
        <>
          {c.changes.length > 0 && <RecordDiff changes={c.changes} />}
          {(c.more ?? 0) > 0 && <p className="m-0 text-sm text-kumo-subtle">{`and ${counted(c.more ?? 0, "more record")}.`}</p>}
          <SettingDiff settings={c.settings_changes} />
          <ObjectDiff objects={c.objects} />
          {c.imported > 0 && <p className="m-0 text-sm text-kumo-subtle">{`${counted(c.imported, "record")} came by an import; compare versions to see them.`}</p>}
          {c.changes.length + c.settings_changes.length + c.objects.length + c.imported === 0 && <p className="m-0 text-sm text-kumo-subtle">It changed no record and no setting.</p>}
        </>
      )}
    </Loaded>
  );
}

/** Two versions held against each other, as records and as the zone file sees them. */
function DiffDialog(props: { zone: Schema<"Zone">; from: string; to: string; onClose: () => void }) {
  const diff = useQuery(diffQuery(props.zone.id, props.from, props.to));
  return (
    <InfoDialog open size="xl" onClose={props.onClose} title={`Serial ${props.from} and ${props.to || "now"}`} description="What went is red with a minus, what came is green with a plus.">
      <Loaded query={diff}>
        {(d) => (
          <div className="flex max-h-[60vh] flex-col gap-4 overflow-y-auto" tabIndex={0} role="region" aria-label="Differences">
            <Card title={`Records (${d.records.total})`}>
              {d.records.total === 0 ? (
                <p className="m-0 text-sm text-kumo-subtle">No difference.</p>
              ) : (
                <RecordDiff changes={[...d.records.changed, ...d.records.removed.map((before) => ({ before, after: null })), ...d.records.added.map((after) => ({ before: null, after }))]} />
              )}
            </Card>
            {d.settings.length > 0 && (
              <Card title="Settings">
                <SettingDiff settings={d.settings} />
              </Card>
            )}
            <Card title={d.same_faces ? "What is answered, and what secondaries get" : "What is answered"}>
              <LineDiff label="What is answered" removed={d.served.removed} added={d.served.added} />
            </Card>
            {!d.same_faces && (
              <Card title="What secondaries get">
                <LineDiff label="What secondaries get" removed={d.transfer.removed} added={d.transfer.added} />
              </Card>
            )}
          </div>
        )}
      </Loaded>
    </InfoDialog>
  );
}
