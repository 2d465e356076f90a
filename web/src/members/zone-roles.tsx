import { Button } from "@cloudflare/kumo/components/button";
import { TrashIcon } from "@phosphor-icons/react";
import { useQueries } from "@tanstack/react-query";
import { useState } from "react";
import { api, result, type Schema } from "../api/client";
import { useAction } from "../ui/action";
import { Choice } from "../ui/choice";
import { FormDialog } from "../ui/dialogs";
import { ZoneChoice } from "../ui/zone-choice";

type ZoneRole = Schema<"ZoneRole">["role"];

export const zoneRoles: readonly (readonly [ZoneRole, string])[] = [
  ["zone_administrator", "Domain Administrator"],
  ["zone_editor", "Domain DNS"],
  ["zone_reader", "Domain Administrator Read Only"],
  ["zone_acme", "Domain ACME Challenges"],
];

export const zoneRoleMeans: Record<ZoneRole, string> = {
  zone_administrator: "May everything in the zone.",
  zone_editor: "Sees everything in the zone, and changes its records.",
  zone_reader: "Sees everything in the zone.",
  zone_acme: "Sees and changes TXT records at _acme-challenge names, and nothing else.",
};

export const nameOf = (role: ZoneRole) => zoneRoles.find(([r]) => r === role)?.[1] ?? role;

const all = "*";

/** Roles by zone in few words. */
export function summary(list: Schema<"ZoneRole">[]): string {
  if (list.length === 0) return "No roles by zone";
  return list
    .map((r) => `${nameOf(r.role)}: ${r.zones.includes(all) ? "all zones" : r.zones.length === 1 ? "1 zone" : `${r.zones.length} zones`}`)
    .join("; ");
}

type Pair = { role: ZoneRole; zone: string };

const pairsOf = (list: Schema<"ZoneRole">[]): Pair[] => list.flatMap((r) => r.zones.map((zone) => ({ role: r.role, zone })));

function gathered(pairs: Pair[]): Schema<"ZoneRole">[] {
  return zoneRoles.map(([role]) => ({ role, zones: pairs.filter((p) => p.role === role).map((p) => p.zone) })).filter((r) => r.zones.length > 0);
}

/** Zones whose names are looked up. Of more, the ids are shown. */
const named = 50;

/** What a member may in which zones: begun anew for each member by its key. */
export function ZoneRolesDialog(props: { account: string; member: Schema<"Member">; onClose: () => void }) {
  const { account, member } = props;
  const [pairs, setPairs] = useState(() => pairsOf(member.zone_roles));
  const [role, setRole] = useState<ZoneRole>("zone_editor");
  const [names, setNames] = useState<Record<string, string>>({});
  const unknown = [...new Set(pairs.map((p) => p.zone))].filter((id) => id !== all && !names[id]).slice(0, named);
  const found = useQueries({
    queries: unknown.map((zone_id) => ({
      queryKey: ["zone", "name", zone_id],
      retry: false,
      queryFn: () => result(api.GET("/client/v4/zones/{zone_id}", { params: { path: { zone_id } } })).then((z) => z.name),
    })),
  });
  const nameOfZone = (id: string) => (id === all ? "All zones" : names[id] ?? found[unknown.indexOf(id)]?.data ?? id);
  const save = useAction({
    done: "Roles changed",
    quiet: true,
    stale: [["members", account]],
    run: () =>
      result(
        api.PATCH("/headwater/v1/accounts/{account_id}/members/{member_id}", {
          params: { path: { account_id: account, member_id: member.id } },
          body: { role: member.role === "read_only" ? "read_only" : "by_zone", zone_roles: gathered(pairs) },
        }),
      ),
    then: props.onClose,
  });
  const add = (zone: string, name?: string) => {
    if (zone === "") return;
    if (name) setNames((n) => ({ ...n, [zone]: name }));
    setPairs((list) => (list.some((p) => p.role === role && p.zone === zone) ? list : [...list, { role, zone }]));
  };
  return (
    <FormDialog
      open
      size="xl"
      onClose={props.onClose}
      title="Roles by zone"
      description={
        member.role === "read_only"
          ? `${member.user.email} sees all of the account, and has these roles beside that.`
          : `${member.user.email} sees the zones below and no others.`
      }
      submit="Save roles"
      busy={save.busy}
      error={save.error}
      disabled={member.role !== "read_only" && pairs.length === 0}
      onSubmit={save.run}
    >
      <ul className="flex max-h-60 flex-col gap-1 overflow-y-auto" aria-label="Roles">
        {pairs.map((p) => (
          <li key={`${p.zone} ${p.role}`} className="flex items-center justify-between gap-2">
            <span className="min-w-0 break-all">
              {nameOfZone(p.zone)}: {nameOf(p.role)}
            </span>
            <Button
              shape="square"
              variant="ghost"
              icon={TrashIcon}
              aria-label={`Take ${nameOf(p.role)} in ${nameOfZone(p.zone)} away`}
              onClick={() => setPairs((list) => list.filter((o) => o !== p))}
            />
          </li>
        ))}
      </ul>
      <Choice label="Role in the zone" value={role} options={zoneRoles} description={zoneRoleMeans[role]} onChange={setRole} />
      <ZoneChoice
        account={account}
        label="Zone to add"
        by="id"
        value=""
        first={[["", "Choose a zone"], [all, "All zones, those to come too"]]}
        onChange={(zone, picked) => add(zone, picked?.name)}
      />
    </FormDialog>
  );
}
