import { api, planOf, result, type Schema } from "../api/client";
import { useCollecting } from "../api/collect";
import { Preview } from "../drafts/preview";
import { useAction } from "../ui/action";
import { ConfirmDialog } from "../ui/dialogs";
import { counted } from "../ui/format";

type Props = { zone: Schema<"Zone">; records: Schema<"Record">[]; onClose: () => void; onDone: () => void };

/** How many of those that go are named. */
const named = 10;

/** Deletes records as one change, all of them or none, which one change brings back. */
export function DeleteRecords(props: Props) {
  const { zone, records } = props;
  const collecting = useCollecting(zone.id) !== null;
  const send = (gone: Schema<"Record">[], headers: Record<string, string> = {}) =>
    result(api.POST("/client/v4/zones/{zone_id}/dns_records/batch", { params: { path: { zone_id: zone.id } }, headers, body: { deletes: gone.map((r) => ({ id: r.id })) } }));
  const remove = useAction({
    quiet: true,
    done: (_, gone) => (gone.length === 1 ? "Record deleted" : `${counted(gone.length, "record")} deleted`),
    stale: [["records", zone.id]],
    run: (gone: Schema<"Record">[]) => send(gone),
    undoIn: zone.id,
    then: () => {
      props.onDone();
      props.onClose();
    },
  });
  const first = records[0];
  return (
    <ConfirmDialog
      open={first !== undefined}
      title={records.length === 1 ? "Delete record" : `Delete ${records.length} records`}
      text={
        collecting
          ? "It is noted in the draft. Nothing is deleted yet."
          : records.length === 1 && first
            ? `${first.type} ${first.name} is gone at once.`
            : "They are deleted as one change: all of them or none."
      }
      submit={collecting ? "Put into the draft" : "Delete"}
      busy={remove.busy}
      error={remove.error}
      onClose={props.onClose}
      onConfirm={() => remove.run(records)}
    >
      {records.length > 1 && (
        <ul className="m-0 max-h-40 list-none overflow-y-auto p-0 text-sm" tabIndex={0} aria-label="Records that go">
          {records.slice(0, named).map((r) => (
            <li key={r.id} className="break-all">{`${r.type} ${r.name} ${r.content.slice(0, 60)}`}</li>
          ))}
          {records.length > named && <li>{`and ${counted(records.length - named, "more", "more")}`}</li>}
        </ul>
      )}
      <Preview zone={zone.id} of={`delete ${records.map((r) => r.id).join()}`} plan={() => planOf((headers) => send(records, headers))} />
    </ConfirmDialog>
  );
}
