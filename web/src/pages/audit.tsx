import { Button } from "@cloudflare/kumo/components/button";
import { Empty } from "@cloudflare/kumo/components/empty";
import { Input } from "@cloudflare/kumo/components/input";
import { Pagination } from "@cloudflare/kumo/components/pagination";
import { DownloadSimpleIcon } from "@phosphor-icons/react";
import { useQuery } from "@tanstack/react-query";
import { useNavigate, useParams, useSearch } from "@tanstack/react-router";
import { useEffect, useState } from "react";
import { auditQuery, changesOf, csv, differences, told, type AuditSearch, type Change, type Entry } from "../audit/entries";
import { Choice } from "../ui/choice";
import { DataTable } from "../ui/data-table";
import { InfoDialog } from "../ui/dialogs";
import { PhoneFold } from "../ui/fold";
import { moment } from "../ui/format";
import { MomentField } from "../ui/moment-field";
import { Loaded, Page, Skeleton } from "../ui/page";
import { saveFile } from "../ui/save-file";

const perPage = 100;

const actions = [
  ["all", "All actions"],
  ["rec_add", "Record added"],
  ["rec_set", "Record changed"],
  ["rec_del", "Record deleted"],
  ["rec_import", "Import"],
  ["add", "Created"],
  ["set", "Changed"],
  ["delete", "Deleted"],
] as const;

/** What was changed, by whom, and from where. */
export default function AuditLog() {
  const from = "/signed-in/$account/audit-log";
  const { account } = useParams({ from });
  const search = useSearch({ from });
  const navigate = useNavigate({ from: "/$account/audit-log" });
  const [shown, setShown] = useState<Change | null>(null);
  const log = useQuery(auditQuery(account, search, perPage));
  const go = (change: Partial<AuditSearch>) => void navigate({ search: (s) => ({ ...s, page: undefined, ...change }), replace: change.page === undefined });
  return (
    <Page
      title="Audit log"
      description="Every change in this account, newest first. Secrets are never in it."
      actions={
        <Button icon={DownloadSimpleIcon} disabled={!log.data} onClick={() => log.data && saveFile("audit-log.csv", csv(log.data.result), "text/csv")}>
          Export this page as CSV
        </Button>
      }
    >
      <Filters search={search} onChange={go} />
      <Loaded query={log} waiting={<Skeleton />}>
        {(answer) =>
          answer.result.length === 0 ? (
            <Empty title="Nothing found" description="No change matches these filters." />
          ) : (
            <>
              <ChangeTable changes={changesOf(answer.result)} onShow={setShown} />
              <div className="pager">
                <Pagination page={search.page ?? 1} setPage={(page) => go({ page })} perPage={perPage} totalCount={answer.result_info.total_count} />
              </div>
            </>
          )
        }
      </Loaded>
      <InfoDialog open={shown !== null} onClose={() => setShown(null)} size="xl" title={shown ? told(shown) : ""} description={shown ? `${moment(shown.first.when)}, ${shown.first.actor.email ?? "nobody"}` : ""}>
        {shown?.entries.slice(0, 100).map((e) => <Difference key={e.id} entry={e} />)}
      </InfoDialog>
    </Page>
  );
}

function Filters(props: { search: AuditSearch; onChange: (change: Partial<AuditSearch>) => void }) {
  const { search } = props;
  const [zone, setZone] = useState(search.zone ?? "");
  const [who, setWho] = useState(search.who ?? "");
  // The boxes follow the address where that changes by itself, by Back or by a link.
  useEffect(() => setZone(search.zone ?? ""), [search.zone]);
  useEffect(() => setWho(search.who ?? ""), [search.who]);
  const chosen = [search.zone, search.who, search.action, search.since, search.before].filter((x) => x !== undefined).length;
  // What is typed counts with whatever is chosen next.
  const find = (change: Partial<AuditSearch> = {}) => props.onChange({ zone: zone.trim() || undefined, who: who.trim() || undefined, ...change });
  return (
    <PhoneFold label={chosen === 0 ? "Filters" : `Filters (${chosen})`}>
      <form
        className="grid items-start gap-3 sm:grid-cols-2 lg:grid-cols-3 2xl:grid-cols-[1fr_1fr_12rem_11rem_11rem_auto]"
        role="search"
        onSubmit={(e) => {
          e.preventDefault();
          find();
        }}
      >
        <Input label="Zone" placeholder="example.com" value={zone} onChange={(e) => setZone(e.target.value)} />
        <Input label="Who" placeholder="somebody@example.com" value={who} onChange={(e) => setWho(e.target.value)} />
        <Choice label="Action" value={search.action ?? "all"} options={actions} onChange={(a) => find({ action: a === "all" ? undefined : a })} />
        <MomentField label="From" value={search.since} onChange={(since) => find({ since })} />
        <MomentField label="Until" value={search.before} onChange={(before) => find({ before })} />
        <Button type="submit" className="self-end">
          Find
        </Button>
      </form>
    </PhoneFold>
  );
}

function ChangeTable(props: { changes: Change[]; onShow: (c: Change) => void }) {
  return (
    <DataTable
      label="Audit log"
      rows={props.changes}
      id={(c) => c.first.id}
      columns={[
        { head: "When", className: "whitespace-nowrap", cell: (c) => moment(c.first.when) },
        { head: "Who", cell: (c) => c.first.actor.email ?? "–" },
        {
          head: "What",
          className: "break-words",
          cell: (c) => (
            <>
              {told(c)}
              {!c.first.action.result && <span className="ml-2 text-kumo-danger">refused</span>}
            </>
          ),
        },
        { head: "From", className: "font-mono text-sm", cell: (c) => c.first.actor.ip ?? "–" },
        {
          head: "Details",
          cell: (c) => (
            <Button size="sm" aria-label={`Show: ${told(c)}`} onClick={() => props.onShow(c)}>
              Show
            </Button>
          ),
        },
      ]}
    />
  );
}

const shownValue = (v: unknown) => (v === undefined || v === null || v === "" ? "–" : typeof v === "string" ? v : JSON.stringify(v));

/** What differs, field by field. */
function Difference({ entry }: { entry: Entry }) {
  const fields = differences(entry);
  if (fields.length === 0) return <p className="m-0 text-sm text-kumo-subtle">Nothing more is known of it.</p>;
  return (
    <table className="mb-4 w-full table-fixed text-left text-sm">
      <thead>
        <tr>
          <th scope="col" className="w-1/4">
            Field
          </th>
          <th scope="col">Before</th>
          <th scope="col">After</th>
        </tr>
      </thead>
      <tbody>
        {fields.map((f) => (
          <tr key={f.name}>
            <th scope="row" className="font-normal break-all text-kumo-subtle">
              {f.name}
            </th>
            <td className="font-mono break-all text-kumo-danger">{shownValue(f.before)}</td>
            <td className="font-mono break-all text-kumo-success">{shownValue(f.after)}</td>
          </tr>
        ))}
      </tbody>
    </table>
  );
}
