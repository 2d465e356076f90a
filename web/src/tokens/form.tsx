import { Button } from "@cloudflare/kumo/components/button";
import { Checkbox } from "@cloudflare/kumo/components/checkbox";
import { Input } from "@cloudflare/kumo/components/input";
import { XIcon } from "@phosphor-icons/react";
import { useQueries, useQuery } from "@tanstack/react-query";
import { useState } from "react";
import { api, result, type Schema } from "../api/client";
import { permissionGroupsQuery } from "../api/queries";
import { useAction } from "../ui/action";
import { FormDialog } from "../ui/dialogs";
import { dayBefore, endOfDay } from "../ui/format";
import { isoMoment } from "../ui/iso";
import { ZoneChoice } from "../ui/zone-choice";
import { chosenOf, conditionOf, policiesOf, rangesOf, templates, type Chosen } from "./policies";

type Props = { account: string; /** The token that is edited; null for a new one. */ token: Schema<"Token"> | null; onClose: () => void; onMade: (value: string) => void };

/** Makes a token from permission groups and the zones they are for, or edits one: its value stays. */
export function TokenForm({ account, token, onClose, onMade }: Props) {
  const groups = useQuery(permissionGroupsQuery).data ?? [];
  const had = token === null ? { groups: [], zones: [] } : chosenOf(token.policies, account);
  const [name, setName] = useState(token?.name ?? "");
  const [chosen, setChosen] = useState<Chosen | null>(had);
  const [from, setFrom] = useState(() => rangesOf(token?.condition, "in"));
  const [notFrom, setNotFrom] = useState(() => rangesOf(token?.condition, "not_in"));
  const lastDay = token?.expires_on ? dayBefore(token.expires_on) : "";
  const [expires, setExpires] = useState(lastDay);
  const badDay = expires !== "" && (expires.length !== 10 || isoMoment(expires) === undefined);
  const save = useAction({
    quiet: true,
    stale: [["tokens"]],
    done: token ? "Token saved" : undefined,
    run: async (): Promise<string> => {
      const user = await result(api.GET("/client/v4/user"));
      const ends = expires === lastDay ? token?.expires_on : expires && endOfDay(expires);
      const body: Schema<"TokenWrite"> = {
        name,
        // What the form cannot show goes back as it came.
        policies: chosen === null ? (token?.policies ?? []) : policiesOf(groups, chosen, account, user.id),
        condition: conditionOf(from, notFrom),
        ...(token?.not_before && { not_before: token.not_before }),
        ...(ends && { expires_on: ends }),
      };
      if (token === null) return (await result(api.POST("/client/v4/user/tokens", { body }))).value;
      const status = token.status === "disabled" ? "disabled" : "active";
      await result(api.PUT("/client/v4/user/tokens/{token_id}", { params: { path: { token_id: token.id } }, body: { ...body, status } }));
      return "";
    },
    then: (value) => {
      onClose();
      onMade(value);
    },
  });
  const address = (side: "in" | "not_in", text: string) => [`/condition/request_ip/${side}`, ...text.split(/[\s,]+/).map((_, i) => `/condition/request_ip/${side}/${i}`)].map(save.at).find(Boolean);
  return (
    <FormDialog
      open
      onClose={onClose}
      size="xl"
      title={token ? "Edit token" : "Create Token"}
      description={token ? "Its value stays as it is." : undefined}
      submit={token ? "Save" : "Create Token"}
      busy={save.busy}
      error={save.error}
      disabled={chosen?.groups.length === 0 || groups.length === 0 || badDay}
      onSubmit={save.run}
    >
      <Input label="Token name" required value={name} error={save.at("/name")} onChange={(e) => setName(e.target.value)} />
      {chosen === null ? (
        <p className="m-0 text-sm text-kumo-subtle">Its permissions were made by the API, and say more than this form can show. They stay as they are.</p>
      ) : (
        <Permissions account={account} groups={groups} chosen={chosen} templates={token === null} onChange={setChosen} />
      )}
      <div className="grid items-start gap-4 sm:grid-cols-2">
        <Input label="Only from (optional)" placeholder="192.0.2.0/24, 2001:db8::1" description="Addresses of clients, or ranges." spellCheck={false} value={from} error={address("in", from)} onChange={(e) => setFrom(e.target.value)} />
        <Input label="Never from (optional)" placeholder="192.0.2.66" spellCheck={false} value={notFrom} error={address("not_in", notFrom)} onChange={(e) => setNotFrom(e.target.value)} />
      </div>
      <Input
        label="Last day (optional)"
        placeholder="YYYY-MM-DD"
        autoComplete="off"
        description="It works until the end of that day where you are."
        value={expires}
        error={save.at("/expires_on") ?? (badDay && expires.length >= 10 ? "Write it as 2026-11-30." : undefined)}
        onChange={(e) => setExpires(e.target.value.trim())}
      />
    </FormDialog>
  );
}

function Permissions(props: { account: string; groups: Schema<"PermissionGroup">[]; chosen: Chosen; templates: boolean; onChange: (c: Chosen) => void }) {
  const { groups, chosen, onChange } = props;
  const ids = (names: readonly string[]) => names.map((n) => groups.find((g) => g.name === n)?.id);
  return (
    <>
      {props.templates && (
        <div role="group" aria-label="Templates" className="flex flex-wrap items-center gap-2">
          <span className="text-sm text-kumo-subtle">For:</span>
          {templates.map(([label, names]) => (
            <Button key={label} type="button" size="sm" disabled={ids(names).includes(undefined)} onClick={() => onChange({ ...chosen, groups: ids(names).filter((id) => id !== undefined) })}>
              {label}
            </Button>
          ))}
        </div>
      )}
      <Checkbox.Group legend="Permissions" value={chosen.groups} onValueChange={(list) => onChange({ ...chosen, groups: list })} className="max-h-72 overflow-y-auto p-1">
        {groups.map((g) => (
          <Checkbox.Item key={g.id} value={g.id} label={g.name} />
        ))}
      </Checkbox.Group>
      <Zones account={props.account} zones={chosen.zones} onChange={(zones) => onChange({ ...chosen, zones })} />
    </>
  );
}

/** All zones of the account, or some of them, however many there are to choose from. */
function Zones({ account, zones, onChange }: { account: string; zones: string[]; onChange: (zones: string[]) => void }) {
  const some = zones.length > 0;
  const names = useQueries({
    queries: zones.map((zone_id) => ({ queryKey: ["zone-name", zone_id], queryFn: () => result(api.GET("/client/v4/zones/{zone_id}", { params: { path: { zone_id } } })).then((z) => z.name) })),
  });
  return (
    <div className="flex flex-col gap-2">
      <ZoneChoice
        account={account}
        label="Zone resources"
        by="id"
        value={some ? "some" : "all"}
        first={[["all", "All zones of this account"], ...(some ? [["some", zones.length === 1 ? "This zone; choose another to add it" : "These zones; choose another to add it"] as const] : [])]}
        onChange={(v) => v !== "some" && onChange(v === "all" ? [] : [...new Set([...zones, v])])}
      />
      {some && (
        <ul aria-label="Zones of the token" className="m-0 flex list-none flex-wrap gap-2 p-0">
          {zones.map((z, i) => {
            const name = names[i]?.data ?? (names[i]?.error ? z : "…");
            return (
              <li key={z} className="flex items-center gap-1 rounded-md bg-kumo-recessed pl-2 text-sm">
                {name}
                <Button type="button" size="sm" shape="square" variant="ghost" icon={XIcon} aria-label={`Leave out ${name}`} onClick={() => onChange(zones.filter((x) => x !== z))} />
              </li>
            );
          })}
        </ul>
      )}
    </div>
  );
}
