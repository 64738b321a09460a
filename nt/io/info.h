/* SPDX-License-Identifier: MIT */
/* nt/io/info.h - structures of NtQueryInformationFile and NtSetInformationFile, from the SDK's and WDK's documentation. */
#ifndef NT_IO_INFO_H
#define NT_IO_INFO_H

#include "nt/types.h"

enum file_information_class { FileDirectoryInformation = 1, FileFullDirectoryInformation, FileBothDirectoryInformation, FileBasicInformation,
	FileStandardInformation, FileInternalInformation, FileEaInformation, FileAccessInformation, FileNameInformation, FileRenameInformation,
	FileLinkInformation, FileNamesInformation, FileDispositionInformation, FilePositionInformation, FileFullEaInformation, FileModeInformation,
	FileAlignmentInformation, FileAllInformation, FileAllocationInformation, FileEndOfFileInformation, FileAlternateNameInformation,
	FileStreamInformation, FilePipeInformation, FilePipeLocalInformation, FilePipeRemoteInformation, FileMailslotQueryInformation,
	FileMailslotSetInformation, FileCompressionInformation, FileObjectIdInformation, FileCompletionInformation,
	FileMoveClusterInformation, FileQuotaInformation, FileReparsePointInformation, FileNetworkOpenInformation,
	FileAttributeTagInformation, FileTrackingInformation, FileIdBothDirectoryInformation, FileIdFullDirectoryInformation,
	FileValidDataLengthInformation, FileShortNameInformation, FileIoCompletionNotificationInformation, FileIoStatusBlockRangeInformation,
	FileIoPriorityHintInformation, FileNormalizedNameInformation = 48, FileIsRemoteDeviceInformation = 51, FileVolumeNameInformation = 58,
	FileIdInformation = 59, FileIdExtdDirectoryInformation = 60, FileIdExtdBothDirectoryInformation = 63, FileDispositionInformationEx = 64, FileRenameInformationEx = 65, FileStatInformation = 68, FileLinkInformationEx = 72 };

struct FILE_BASIC_INFORMATION {
	int64_t CreationTime, LastAccessTime, LastWriteTime, ChangeTime;
	uint32_t FileAttributes, pad;
};
struct FILE_STANDARD_INFORMATION {
	uint64_t AllocationSize, EndOfFile;
	uint32_t NumberOfLinks;
	uint8_t DeletePending, Directory, pad[2];
};
struct FILE_NETWORK_OPEN_INFORMATION {
	int64_t CreationTime, LastAccessTime, LastWriteTime, ChangeTime;
	uint64_t AllocationSize, EndOfFile;
	uint32_t FileAttributes, pad;
};
struct FILE_ATTRIBUTE_TAG_INFORMATION {
	uint32_t FileAttributes, ReparseTag;
};
struct FILE_ID_INFORMATION {
	uint64_t VolumeSerialNumber, FileId[2];
};
struct FILE_STAT_INFORMATION {
	uint64_t FileId;
	int64_t CreationTime, LastAccessTime, LastWriteTime, ChangeTime;
	uint64_t AllocationSize, EndOfFile;
	uint32_t FileAttributes, ReparseTag, NumberOfLinks, EffectiveAccess;
};
/* FileAllInformation up to the name's length. */
struct FILE_ALL_INFORMATION {
	struct FILE_BASIC_INFORMATION Basic;
	struct FILE_STANDARD_INFORMATION Standard;
	uint64_t FileId;
	uint32_t EaSize, AccessFlags;
	uint64_t CurrentByteOffset;
	uint32_t Mode, Alignment, FileNameLength;
	WCHAR FileName[2];
};
_Static_assert(sizeof(struct FILE_ALL_INFORMATION) == 104, "FILE_ALL_INFORMATION");
struct FILE_RENAME_INFORMATION { /* and FILE_LINK_INFORMATION; the name is behind it */
	uint32_t Flags, pad; /* ReplaceIfExists is its first byte */
	uint64_t RootDirectory;
	uint32_t FileNameLength;
};
struct FILE_COMPLETION_INFORMATION {
	uint64_t Port, Key;
};
struct FILE_PIPE_INFORMATION {
	uint32_t ReadMode, CompletionMode;
};
struct FILE_PIPE_LOCAL_INFORMATION {
	uint32_t NamedPipeType, NamedPipeConfiguration, MaximumInstances, CurrentInstances, InboundQuota, ReadDataAvailable, OutboundQuota,
		WriteQuotaAvailable, NamedPipeState, NamedPipeEnd;
};
#endif
