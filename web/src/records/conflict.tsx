import { Button } from "@cloudflare/kumo/components/button";
import { useQuery } from "@tanstack/react-query";
import { api, result, type Schema } from "../api/client";
import { Loaded } from "../ui/page";
import { changesOf, draftOf, type Draft } from "./draft";

type Held = Schema<"Record">;

const words: Record<string, string> = { name: "Name", content: "Content", data: "Data", priority: "Priority", ttl: "TTL", proxied: "Proxied", comment: "Comment", tags: "Tags" };

const shown = (value: unknown): string => {
  if (value === null || value === undefined || value === "") return "nothing";
  if (Array.isArray(value)) return value.join(", ") || "nothing";
  return typeof value === "object" ? JSON.stringify(value) : String(value);
};

/** Shows what somebody else has saved meanwhile beside what was typed, and lets one choose. */
export function Conflict(props: {
  zone: Schema<"Zone">;
  seen: Held;
  draft: Draft;
  onMine: (theirs: Held) => void;
  onTheirs: (theirs: Held) => void;
}) {
  const { zone, seen } = props;
  const newest = useQuery({
    queryKey: ["record-now", seen.id],
    gcTime: 0,
    queryFn: () =>
      result(api.GET("/client/v4/zones/{zone_id}/dns_records/{dns_record_id}", { params: { path: { zone_id: zone.id, dns_record_id: seen.id } } })),
  });
  return (
    <Loaded query={newest}>
      {(theirs) => {
        const before = draftOf(seen, zone.name);
        const mine: Record<string, unknown> = changesOf(before, props.draft);
        const other: Record<string, unknown> = changesOf(before, draftOf(theirs, zone.name));
        const fields = [...new Set([...Object.keys(mine), ...Object.keys(other)])];
        return (
          <div role="alert" className="rounded-lg border border-kumo-line p-4 text-sm">
            <p className="mt-0 mb-3 font-medium">Somebody else has changed this record since you opened it.</p>
            <table className="w-full text-left">
              <thead>
                <tr>
                  <th scope="col">Field</th>
                  <th scope="col">Yours</th>
                  <th scope="col">Theirs</th>
                </tr>
              </thead>
              <tbody>
                {fields.map((f) => (
                  <tr key={f}>
                    <th scope="row" className="font-normal text-kumo-subtle">
                      {words[f] ?? f}
                    </th>
                    <td className="break-all">{f in mine ? shown(mine[f]) : "not changed"}</td>
                    <td className="break-all">{f in other ? shown(other[f]) : "not changed"}</td>
                  </tr>
                ))}
              </tbody>
            </table>
            <p className="my-3 text-kumo-subtle">Saving yours changes only what you changed; the rest stays as they have it.</p>
            <div className="flex flex-wrap gap-2">
              <Button size="sm" type="button" onClick={() => props.onMine(theirs)}>
                Save mine
              </Button>
              <Button size="sm" type="button" onClick={() => props.onTheirs(theirs)}>
                Take theirs
              </Button>
            </div>
          </div>
        );
      }}
    </Loaded>
  );
}
