import { Button } from "@cloudflare/kumo/components/button";
import { ClipboardText } from "@cloudflare/kumo/components/clipboard-text";
import { Input } from "@cloudflare/kumo/components/input";
import { Switch } from "@cloudflare/kumo/components/switch";
import { PlusIcon, TrashIcon } from "@phosphor-icons/react";
import { useQuery } from "@tanstack/react-query";
import { useParams } from "@tanstack/react-router";
import { useState } from "react";
import { api, result, type Schema } from "../api/client";
import { membersQuery } from "../api/queries";
import { summary, ZoneRolesDialog, zoneRoleMeans, zoneRoles } from "../members/zone-roles";
import { useAction } from "../ui/action";
import { Choice } from "../ui/choice";
import { DataTable } from "../ui/data-table";
import { ConfirmDialog, FormDialog, InfoDialog } from "../ui/dialogs";
import { Card, Loaded, Page } from "../ui/page";
import { useMay } from "../ui/rights";
import { ZoneChoice } from "../ui/zone-choice";

const roles = [
  ["administrator", "Administrator"],
  ["read_only", "Administrator Read Only"],
  ["by_zone", "By zone"],
] as const;

/** Who may work in the account. */
export default function Members() {
  const { account } = useParams({ from: "/signed-in/$account/members" });
  const members = useQuery(membersQuery(account));
  const [inviting, setInviting] = useState(false);
  const [removing, setRemoving] = useState<Schema<"Member"> | null>(null);
  const [zoning, setZoning] = useState<Schema<"Member"> | null>(null);
  const stale = [["members", account]];
  const path = (member_id: string) => ({ params: { path: { account_id: account, member_id } } });
  const change = useAction({
    done: "Role changed",
    stale,
    run: ({ id, role }: { id: string; role: Schema<"Role"> }) =>
      result(api.PATCH("/headwater/v1/accounts/{account_id}/members/{member_id}", { ...path(id), body: { role } })),
  });
  const remove = useAction({
    done: "Member removed",
    quiet: true,
    stale,
    run: (id: string) => result(api.DELETE("/headwater/v1/accounts/{account_id}/members/{member_id}", path(id))),
    then: () => setRemoving(null),
  });
  return (
    <Page
      title="Members"
      description="People with access to this account."
      actions={
        <Button variant="primary" icon={PlusIcon} onClick={() => setInviting(true)}>
          Add member
        </Button>
      }
    >
      <Loaded query={members}>
        {(list) => (
          <DataTable
            label="Members"
            rows={list}
            id={(m) => m.id}
            columns={[
              { head: "E-mail", className: "font-medium break-all", cell: (m) => m.user.email },
              {
                head: "Role",
                cell: (m) => (
                  <span className="flex flex-wrap items-center gap-2 py-1">
                    <Choice
                      label={`Role of ${m.user.email}`}
                      hideLabel
                      className="w-60 max-w-full"
                      value={m.role}
                      options={roles}
                      onChange={(role) => (role === "by_zone" && m.zone_roles.length === 0 ? setZoning({ ...m, role }) : change.run({ id: m.id, role }))}
                    />
                    {m.role !== "administrator" && (
                      <Button variant="ghost" size="sm" aria-label={`${summary(m.zone_roles)}: roles by zone of ${m.user.email}`} onClick={() => setZoning(m)}>
                        {summary(m.zone_roles)}
                      </Button>
                    )}
                  </span>
                ),
              },
              { head: "Status", cell: (m) => (m.status === "accepted" ? "Member" : "Invited") },
              {
                head: "Actions",
                cell: (m) => <Button shape="square" variant="ghost" icon={TrashIcon} aria-label={`Remove ${m.user.email}`} onClick={() => setRemoving(m)} />,
              },
            ]}
          />
        )}
      </Loaded>
      <Enforced account={account} />
      <AddMember account={account} open={inviting} onClose={() => setInviting(false)} />
      {zoning && <ZoneRolesDialog key={zoning.id} account={account} member={zoning} onClose={() => setZoning(null)} />}
      <ConfirmDialog
        open={removing !== null}
        title="Remove member"
        text={`${removing?.user.email ?? ""} loses access to this account.`}
        submit="Remove"
        busy={remove.busy}
        error={remove.error}
        onClose={() => setRemoving(null)}
        onConfirm={() => removing && remove.run(removing.id)}
      />
    </Page>
  );
}

/** Whether members are asked for a second factor. */
function Enforced({ account }: { account: string }) {
  const path = { params: { path: { account_id: account } } };
  const key = ["account", account];
  const shown = useQuery({ queryKey: key, queryFn: () => result(api.GET("/client/v4/accounts/{account_id}", path)) });
  const save = useAction({
    done: "Saved",
    stale: [key],
    run: (enforced: boolean) => result(api.PUT("/headwater/v1/accounts/{account_id}/second_factor", { ...path, body: { enforced } })),
  });
  const may = useMay(account, "Account Settings Write");
  return (
    <Loaded query={shown}>
      {(a) => (
        <Card title="Second factor" description="Closes the account to members without a second factor, to their API tokens and keys, too. Tokens of the account go on.">
          <Switch
            label="Members need a second factor"
            checked={a.settings.enforce_twofactor}
            disabled={save.busy || !may}
            onCheckedChange={save.run}
          />
        </Card>
      )}
    </Loaded>
  );
}

function AddMember(props: { account: string; open: boolean; onClose: () => void }) {
  const [email, setEmail] = useState("");
  const [role, setRole] = useState<Schema<"Role">>("administrator");
  const [zoneRole, setZoneRole] = useState<Schema<"ZoneRole">["role"]>("zone_editor");
  const [zone, setZone] = useState("*");
  const [added, setAdded] = useState<Schema<"MemberAdded"> | null>(null);
  const add = useAction({
    quiet: true,
    stale: [["members", props.account]],
    run: () =>
      result(
        api.POST("/headwater/v1/accounts/{account_id}/members", {
          params: { path: { account_id: props.account } },
          body: { email, role, ...(role === "by_zone" && { zone_roles: [{ role: zoneRole, zones: [zone] }] }) },
        }),
      ),
    then: (member) => {
      props.onClose();
      setEmail("");
      setAdded(member);
    },
  });
  return (
    <>
      <FormDialog
        open={props.open}
        onClose={props.onClose}
        title="Add member"
        submit="Add member"
        busy={add.busy}
        error={add.error}
        onSubmit={add.run}
      >
        <Input label="E-mail" type="email" required value={email} error={add.at("/email")} onChange={(e) => setEmail(e.target.value)} />
        <Choice label="Role" value={role} options={roles} onChange={setRole} />
        {role === "by_zone" && (
          <>
            <Choice label="Role in the zone" value={zoneRole} options={zoneRoles} description={zoneRoleMeans[zoneRole]} onChange={setZoneRole} />
            <ZoneChoice account={props.account} label="Zone" by="id" value={zone} first={[["*", "All zones, those to come too"]]} onChange={setZone} />
          </>
        )}
      </FormDialog>
      <InfoDialog
        open={added !== null}
        onClose={() => setAdded(null)}
        title="Member invited"
        description={
          added?.password
            ? "The person has a new user. Hand over this password; it is shown once. The invitation is accepted under My Profile."
            : "The person had a user already, and accepts the invitation under My Profile."
        }
      >
        {added?.password && <ClipboardText text={added.password} labels={{ copyAction: "Copy password" }} />}
      </InfoDialog>
    </>
  );
}
