// Package face turns rows and settings into what the DNS sees of them: the RRsets of a name in both faces (Render), what
// leads from one version of a zone to the next (Diff, Step), its SOA, and its first version (First).
//
// A zone has two faces. The served face is what this server answers, the transfer face what secondaries get; they differ where
// records are proxied or CNAMEs flattened. Everything here is a function of values: it knows neither stores nor requests nor
// clocks, keeps nothing, and can be asked twice. So the faces can be tested as tables, and any node can render what another one
// has planned.
//
// It must not know what a change is, who made it, or how versions are kept.
package face
