import { Input } from "@cloudflare/kumo/components/input";
import { useQuery } from "@tanstack/react-query";
import { useDeferredValue, useState } from "react";
import { standingsQuery } from "../api/queries";
import { Choice } from "./choice";

/** Zones that a list shows; of more, a part of the name finds the others. */
const shown = 50;

type Picked = { id: string; name: string };

/** Chooses one of an account's zones, however many there are. */
export function ZoneChoice(props: {
  account: string;
  label: string;
  value: string;
  /** What can be chosen besides zones. */
  first?: readonly (readonly [string, string])[];
  by: "id" | "name";
  onChange: (value: string, zone: Picked | undefined) => void;
}) {
  const [text, setText] = useState("");
  const search = useDeferredValue(text.trim());
  const answer = useQuery(standingsQuery({ account: props.account, search, page: 1, perPage: shown })).data;
  const [picked, setPicked] = useState<Picked | null>(null);
  const zones = answer?.result ?? [];
  const many = search !== "" || (answer?.result_info.total_count ?? 0) > shown;
  const listed: Picked[] = picked && !zones.some((z) => z.id === picked.id) ? [picked, ...zones] : zones;
  return (
    <div className="flex flex-col gap-2">
      {many && <Input type="search" aria-label="Find a zone" placeholder="Find a zone" value={text} onChange={(e) => setText(e.target.value)} />}
      <Choice
        label={props.label}
        value={props.value}
        options={[...(props.first ?? []), ...listed.map((z) => [z[props.by], z.name] as const)]}
        onChange={(v) => {
          const zone = listed.find((z) => z[props.by] === v);
          setPicked(zone ?? null);
          props.onChange(v, zone);
        }}
      />
    </div>
  );
}
