import { Table } from "@cloudflare/kumo/components/table";
import type { ReactNode } from "react";
import { TableFrame } from "./page";

export type Column<T> = {
  head: string;
  /** In place of the plain head, one that does something. */
  sort?: ReactNode;
  cell: (row: T) => ReactNode;
  /** Of the cell. */
  className?: string;
  /** Its contents are not understood by themselves: on a phone, where rows are cards without a row of heads, the head stands beside them. */
  named?: boolean;
};

/** Rows of one kind. On a phone each is a card. */
export function DataTable<T>(props: { label: string; columns: readonly Column<T>[]; rows: readonly T[]; id: (row: T) => string | number }) {
  const { columns } = props;
  return (
    <TableFrame label={props.label}>
      <Table className="dense cards">
        <Table.Header>
          <Table.Row>{columns.map((c) => c.sort ?? <Table.Head key={c.head}>{c.head}</Table.Head>)}</Table.Row>
        </Table.Header>
        <Table.Body>
          {props.rows.map((row) => (
            <Table.Row key={props.id(row)}>
              {columns.map((c) => (
                <Table.Cell key={c.head} className={c.className} data-head={c.named ? c.head : undefined}>
                  {c.cell(row)}
                </Table.Cell>
              ))}
            </Table.Row>
          ))}
        </Table.Body>
      </Table>
    </TableFrame>
  );
}
