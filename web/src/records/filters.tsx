import { Input } from "@cloudflare/kumo/components/input";
import { useEffect, useState } from "react";
import { Choice } from "../ui/choice";
import { typeNames } from "./types";

type Search = { search?: string; type?: string; proxied?: "true" | "false" };

/** How long typing must rest before the server is asked, in milliseconds. */
const rest = 150;

/** Search and filters of the records page. */
export function RecordFilters(props: { search: Search; onChange: (change: Search) => void }) {
  const { search, onChange } = props;
  const asked = search.search ?? "";
  const [text, setText] = useState(asked);
  // The box follows the address where that changed by itself, by Back or by a link.
  useEffect(() => setText((t) => (t.trim() === asked ? t : asked)), [asked]);
  useEffect(() => {
    if (text.trim() === asked) return;
    const timer = setTimeout(() => onChange({ search: text.trim() || undefined }), rest);
    return () => clearTimeout(timer);
  }, [text]);
  return (
    <div className="grid grid-cols-2 gap-x-3 gap-y-2 sm:grid-cols-[1fr_10rem_12rem]">
      <div className="max-sm:col-span-2">
        <Input className="w-full" type="search" aria-label="Search records" placeholder="Search names, contents, comments and tags" value={text} onChange={(e) => setText(e.target.value)} />
      </div>
      <Choice
        label="Type"
        hideLabel
        value={search.type ?? "all"}
        options={[["all", "All types"], ...typeNames.map((t) => [t, t] as const)]}
        onChange={(t) => onChange({ type: t === "all" ? undefined : t })}
      />
      <Choice
        label="Proxy status"
        hideLabel
        value={search.proxied ?? "all"}
        options={[
          ["all", "Any proxy status"],
          ["true", "Proxied"],
          ["false", "DNS only"],
        ]}
        onChange={(p) => onChange({ proxied: p === "all" ? undefined : p })}
      />
    </div>
  );
}
