package store

import (
	"github.com/headwaterdns/headwater/internal/control/store/audit"
	"github.com/headwaterdns/headwater/internal/control/store/backup"
	"github.com/headwaterdns/headwater/internal/control/store/engine"
	"github.com/headwaterdns/headwater/internal/control/store/nodes"
	"github.com/headwaterdns/headwater/internal/control/store/zones"
)

// What callers of the rooms need of them by name.
type (
	// Config opens a store.
	Config = engine.Config
	// Schema is what a program knows of tables.
	Schema = engine.Schema
	// Mark says which programs can live with a migration.
	Mark = engine.Mark
	// Tx is the one write transaction of a group of changes.
	Tx = zones.Tx
	// Staging is what a zone will have when an import is complete.
	Staging = zones.Staging
	// Beside is a large image of what a zone will be.
	Beside = zones.Beside
	// PeerState is what is known of one linked peer of one zone.
	PeerState = nodes.PeerState
	// KeySighting is that a node saw a peer of a zone sign with a key.
	KeySighting = nodes.KeySighting
	// CurveCell is what happened to a zone or an account in some time.
	CurveCell = nodes.CurveCell
	// CurveSum is the numbers of a cell.
	CurveSum = nodes.CurveSum
	// CurveSince is cells from one on.
	CurveSince = nodes.CurveSince
	// CurveShare is what a zone was asked.
	CurveShare = nodes.CurveShare
	// CookieSecrets are what all nodes make and check DNS cookies with.
	CookieSecrets = nodes.CookieSecrets
	// Summary is how much a store or a backup holds.
	Summary = backup.Summary
	// Backup is what a backup holds.
	Backup = backup.Contents
	// BackupZone is a zone in it.
	BackupZone = backup.Zone
	// Progress is told, now and then, how many rows of how many are done.
	Progress = backup.Progress
)

// Errors of the rooms.
var (
	ErrNoStore = engine.ErrNoStore
	// ErrMayNotTell is a database that lets a node that only reads write nothing at all.
	ErrMayNotTell = engine.ErrMayNotTell
	ErrVersion    = engine.ErrVersion
	// ErrOutgrown is a database that a later program has made its own.
	ErrOutgrown  = engine.ErrOutgrown
	ErrInUse     = engine.ErrInUse
	ErrSecretKey = engine.ErrSecretKey
	ErrBackup    = backup.ErrBackup
	ErrNotEmpty  = backup.ErrNotEmpty
)

// OwnSchema is that of this program.
var OwnSchema = engine.OwnSchema

// ReadBackup goes through a whole backup without any database.
var ReadBackup = backup.Read

// AuditCursor is the AuditQuery.After that continues after the entry.
var AuditCursor = audit.Cursor
