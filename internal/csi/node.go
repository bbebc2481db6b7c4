package csi

import (
	"context"

	spec "github.com/container-storage-interface/spec/lib/go/csi"

	"strongroom/internal/fault"
	"strongroom/internal/incumbent"
)

// node answers the kubelet. What is not here (staging, expansion, health) is Unimplemented.
type node struct {
	spec.UnimplementedNodeServer
	id        string
	publisher Publisher
	stats     Stats
}

// NodeGetInfo gives the node's name alone: a volume can be anywhere, and there can be any number.
func (n *node) NodeGetInfo(context.Context, *spec.NodeGetInfoRequest) (*spec.NodeGetInfoResponse, error) {
	return &spec.NodeGetInfoResponse{NodeId: n.id}, nil
}

// NodeGetCapabilities leaves staging out, which upstream advertises and does nothing in: it costs two calls a volume.
func (n *node) NodeGetCapabilities(context.Context, *spec.NodeGetCapabilitiesRequest) (*spec.NodeGetCapabilitiesResponse, error) {
	resp := &spec.NodeGetCapabilitiesResponse{}
	for _, c := range []spec.NodeServiceCapability_RPC_Type{
		spec.NodeServiceCapability_RPC_VOLUME_MOUNT_GROUP,
		spec.NodeServiceCapability_RPC_GET_VOLUME_STATS,
	} {
		resp.Capabilities = append(resp.Capabilities, &spec.NodeServiceCapability{
			Type: &spec.NodeServiceCapability_Rpc{Rpc: &spec.NodeServiceCapability_RPC{Type: c}},
		})
	}
	return resp, nil
}

func (n *node) NodePublishVolume(ctx context.Context, req *spec.NodePublishVolumeRequest) (*spec.NodePublishVolumeResponse, error) {
	v, err := parsePublish(req)
	if err != nil {
		return nil, err
	}
	if err := n.publisher.Publish(ctx, v); err != nil {
		return nil, err
	}
	return &spec.NodePublishVolumeResponse{}, nil
}

func (n *node) NodeUnpublishVolume(ctx context.Context, req *spec.NodeUnpublishVolumeRequest) (*spec.NodeUnpublishVolumeResponse, error) {
	id, target, err := parseUnpublish(req)
	if err != nil {
		return nil, err
	}
	if err := n.publisher.Unpublish(ctx, id, target); err != nil {
		return nil, err
	}
	return &spec.NodeUnpublishVolumeResponse{}, nil
}

// NodeGetVolumeStats leaves out a measure whose total is unknown or makes no sense, as some file systems' inodes.
func (n *node) NodeGetVolumeStats(_ context.Context, req *spec.NodeGetVolumeStatsRequest) (*spec.NodeGetVolumeStatsResponse, error) {
	switch {
	case req.GetVolumeId() == "":
		return nil, invalid("Volume ID missing in request")
	case req.GetVolumePath() == "":
		return nil, invalid("Volume path missing in request")
	}
	stats, err := n.stats.Stats(req.GetVolumePath())
	if err != nil {
		return nil, err
	}
	return &spec.NodeGetVolumeStatsResponse{Usage: []*spec.VolumeUsage{
		{Unit: spec.VolumeUsage_BYTES, Total: stats.Bytes.Total, Available: stats.Bytes.Available, Used: stats.Bytes.Used},
		{Unit: spec.VolumeUsage_INODES, Total: stats.Inodes.Total, Available: stats.Inodes.Available, Used: stats.Inodes.Used},
	}}, nil
}

// identity says who the driver is. It has no plugin capabilities: upstream claims a controller service and leaves every
// call of it unimplemented.
type identity struct {
	spec.UnimplementedIdentityServer
	name, version string
}

func (i *identity) GetPluginInfo(context.Context, *spec.GetPluginInfoRequest) (*spec.GetPluginInfoResponse, error) {
	if i.name == "" {
		return nil, fault.New(fault.Unavailable, "", "driver name not configured")
	}
	if i.version == "" {
		return nil, fault.New(fault.Unavailable, "", "driver version not configured")
	}
	return &spec.GetPluginInfoResponse{Name: i.name, VendorVersion: i.version, Manifest: map[string]string{incumbent.Mark: i.version}}, nil
}

func (i *identity) GetPluginCapabilities(context.Context, *spec.GetPluginCapabilitiesRequest) (*spec.GetPluginCapabilitiesResponse, error) {
	return &spec.GetPluginCapabilitiesResponse{}, nil
}

// Probe is ready as soon as there is a server: a missing provider is one class's trouble, not the driver's.
func (i *identity) Probe(context.Context, *spec.ProbeRequest) (*spec.ProbeResponse, error) {
	return &spec.ProbeResponse{}, nil
}
