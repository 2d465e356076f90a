import { Button } from "@cloudflare/kumo/components/button";
import { ClipboardText } from "@cloudflare/kumo/components/clipboard-text";
import { Input } from "@cloudflare/kumo/components/input";
import { Switch } from "@cloudflare/kumo/components/switch";
import { Table } from "@cloudflare/kumo/components/table";
import { PlusIcon, TrashIcon } from "@phosphor-icons/react";
import { useQuery } from "@tanstack/react-query";
import { useParams } from "@tanstack/react-router";
import { useState } from "react";
import { api, result, type Schema } from "../api/client";
import { membersQuery } from "../api/queries";
import { useAction } from "../ui/action";
import { Choice } from "../ui/choice";
import { ConfirmDialog, FormDialog, InfoDialog } from "../ui/dialogs";
import { Card, Loaded, Page, TableFrame } from "../ui/page";
import { useMay } from "../ui/rights";

const roles = [
  ["administrator", "Administrator"],
  ["read_only", "Administrator Read Only"],
] as const;

/** Who may work in the account. */
export default function Members() {
  const { account } = useParams({ from: "/signed-in/$account/members" });
  const members = useQuery(membersQuery(account));
  const [inviting, setInviting] = useState(false);
  const [removing, setRemoving] = useState<Schema<"Member"> | null>(null);
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
          <TableFrame label="Members">
            <Table>
              <Table.Header>
                <Table.Row>
                  <Table.Head>E-mail</Table.Head>
                  <Table.Head>Role</Table.Head>
                  <Table.Head>Status</Table.Head>
                  <Table.Head>Actions</Table.Head>
                </Table.Row>
              </Table.Header>
              <Table.Body>
                {list.map((m) => (
                  <Table.Row key={m.id}>
                    <Table.Cell>{m.user.email}</Table.Cell>
                    <Table.Cell>
                      <Choice
                        label={`Role of ${m.user.email}`}
                        hideLabel
                        value={m.role}
                        options={roles}
                        onChange={(role) => change.run({ id: m.id, role })}
                      />
                    </Table.Cell>
                    <Table.Cell>{m.status === "accepted" ? "Member" : "Invited"}</Table.Cell>
                    <Table.Cell>
                      <Button
                        shape="square"
                        variant="ghost"
                        icon={TrashIcon}
                        aria-label={`Remove ${m.user.email}`}
                        onClick={() => setRemoving(m)}
                      />
                    </Table.Cell>
                  </Table.Row>
                ))}
              </Table.Body>
            </Table>
          </TableFrame>
        )}
      </Loaded>
      <Enforced account={account} />
      <AddMember account={account} open={inviting} onClose={() => setInviting(false)} />
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
  const [added, setAdded] = useState<Schema<"MemberAdded"> | null>(null);
  const add = useAction({
    quiet: true,
    stale: [["members", props.account]],
    run: () =>
      result(
        api.POST("/headwater/v1/accounts/{account_id}/members", {
          params: { path: { account_id: props.account } },
          body: { email, role },
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
