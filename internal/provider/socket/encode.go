package socket

import (
	"encoding/json"
	"slices"
	"strconv"

	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/proto"

	api "strongroom/api/provider/v1alpha1"
	"strongroom/internal/fault"
	"strongroom/internal/provider"
	"strongroom/internal/secret"
)

// encodeResponse keeps the order of versions and files, and refuses what the driver would not take: the error names
// the way out here, where the driver's own gRPC library could only say two numbers.
func encodeResponse(resp provider.Response, limit int) (*api.MountResponse, error) {
	out := &api.MountResponse{ObjectVersion: encodeVersions(resp.Versions)}
	for _, f := range resp.Files {
		out.Files = append(out.Files, &api.File{Path: f.Path, Mode: int32(f.Mode.Perm()), Contents: f.Contents.Reveal()})
	}
	if size := proto.Size(out); size > limit {
		return nil, tooLarge(strconv.Itoa(size), limit)
	}
	return out, nil
}

func tooLarge(size string, limit int) *fault.Error {
	return fault.New(fault.Invalid, "", "the volume's content is too large: %s bytes, where the driver takes %d", size, limit).
		Mend("split the class in two, or raise the driver's flag --max-call-recv-msg-size")
}

func encodeVersions(list []secret.Version) []*api.ObjectVersion {
	var versions []*api.ObjectVersion
	for _, v := range list {
		versions = append(versions, &api.ObjectVersion{Id: v.ID, Version: v.Version})
	}
	return versions
}

// encodeError is the status of a failed mount: the code for machines, one line for people.
func encodeError(err error) error {
	return status.Error(codeOf(fault.KindOf(err)), fault.Bound("failed to mount objects, error: "+fault.Explain(err), maxMessage))
}

// encodeTrailer is what Strongroom's driver wants to know beyond the answer.
func encodeTrailer(resp provider.Response, err error) metadata.MD {
	md := metadata.MD{}
	if text := encodeReport(resp.Report); text != "" {
		md.Set(trailerReport, text)
	}
	if err == nil && resp.Files != nil {
		md.Set(trailerFiles, strconv.Itoa(len(resp.Files))) // the message cannot tell none from not its own to write
	}
	if err == nil {
		return md
	}
	// A provider paces itself towards what it asks. Drivers whose gRPC retries by itself would ask three times.
	md.Set(trailerPushback, "-1")
	md.Set(trailerKind, fault.KindOf(err).String())
	if wait := fault.RetryAfterOf(err); wait > 0 {
		md.Set(trailerRetryAfter, strconv.FormatInt(max(1, wait.Milliseconds()), 10))
	}
	return md
}

// encodeReport drops first the objects nothing is to be said of, then all of them, until it fits.
func encodeReport(report provider.Report) string {
	remarkable := slices.DeleteFunc(slices.Clone(report.Objects), func(o provider.Outcome) bool { return o.State == provider.Fresh })
	for _, objects := range [][]provider.Outcome{report.Objects, remarkable, nil} {
		report.Objects = objects
		if text, err := json.Marshal(report); err == nil && len(text) <= maxReport {
			return string(text)
		}
	}
	return ""
}
