import { useQuery } from "@tanstack/react-query";
import { api, result, type Schema } from "../api/client";
import { sidesOf, TwoStates } from "../ui/conflict";
import { Loaded } from "../ui/page";
import { changesOf, draftOf, type Draft } from "./draft";

type Held = Schema<"Record">;

const words: Record<string, string> = { name: "Name", content: "Content", data: "Data", priority: "Priority", ttl: "TTL", proxied: "Proxied", comment: "Comment", tags: "Tags" };

/** What somebody else has made of a record meanwhile, and what was typed. */
export function Conflict(props: { zone: Schema<"Zone">; seen: Held; draft: Draft; onMine: (theirs: Held) => void; onTheirs: (theirs: Held) => void }) {
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
        const sides = sidesOf(changesOf(before, props.draft), changesOf(before, draftOf(theirs, zone.name)), words);
        return <TwoStates noun="record" sides={sides} onMine={() => props.onMine(theirs)} onTheirs={() => props.onTheirs(theirs)} />;
      }}
    </Loaded>
  );
}
