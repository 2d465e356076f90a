import { Input } from "@cloudflare/kumo/components/input";
import { useQuery } from "@tanstack/react-query";
import { useState } from "react";
import { api, result, type Schema } from "../api/client";
import { aclsQuery } from "../api/queries";
import { useAction } from "../ui/action";
import { FormDialog } from "../ui/dialogs";
import { Loaded } from "../ui/page";
import { ResourceTable } from "./resource-table";

/** The ranges from which all zones of the account may be transferred. */
export function ACLs(props: { account: string }) {
  const acls = useQuery(aclsQuery(props.account));
  return (
    <Loaded query={acls}>
      {(list) => (
        <ResourceTable
          account={props.account}
          items={list}
          noun="ACL"
          about="An ACL lets addresses transfer every zone of this account, beside the addresses of linked peers. At most /24 for IPv4 and /64 for IPv6."
          first={["Look at who was refused: each zone's page of secondaries names the addresses.", "Create an ACL for an address that asks from elsewhere than its peer's, or for a range that only reads.", "Keep it narrow: whoever is in it may transfer every zone of the account."]}
          stale={[["acls", props.account]]}
          remove={(acl_id) =>
            result(
              api.DELETE("/client/v4/accounts/{account_id}/secondary_dns/acls/{acl_id}", {
                params: { path: { account_id: props.account, acl_id } },
              }),
            )
          }
          columns={[
            { head: "Name", cell: (a) => <span className="font-medium">{a.name}</span> },
            { head: "IP range", cell: (a) => a.ip_range },
            { head: "Used by", cell: () => "All zones of this account with transfers on" },
          ]}
          form={(item, close) => <ACLForm account={props.account} item={item} onClose={close} />}
        />
      )}
    </Loaded>
  );
}

function ACLForm(props: { account: string; item: Schema<"ACL"> | null; onClose: () => void }) {
  const [name, setName] = useState(props.item?.name ?? "");
  const [range, setRange] = useState(props.item?.ip_range ?? "");
  const save = useAction({
    quiet: true,
    done: "ACL saved",
    stale: [["acls", props.account]],
    run: () => {
      const body = { name, ip_range: range.trim() };
      const path = { account_id: props.account };
      return props.item
        ? result(api.PUT("/client/v4/accounts/{account_id}/secondary_dns/acls/{acl_id}", { params: { path: { ...path, acl_id: props.item.id } }, body }))
        : result(api.POST("/client/v4/accounts/{account_id}/secondary_dns/acls", { params: { path }, body }));
    },
    then: props.onClose,
  });
  return (
    <FormDialog open onClose={props.onClose} title={props.item ? "Edit ACL" : "Create ACL"} submit="Save" busy={save.busy} error={save.error} onSubmit={save.run}>
      <Input label="ACL name" required value={name} error={save.at("/name")} onChange={(e) => setName(e.target.value)} />
      <Input label="IP range" required placeholder="192.0.2.0/28" value={range} error={save.at("/ip_range")} onChange={(e) => setRange(e.target.value)} />
    </FormDialog>
  );
}
