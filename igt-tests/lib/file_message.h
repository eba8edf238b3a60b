/* SPDX-License-Identifier: MIT */
/*
 * A file descriptor as a message over a Unix socket. Needs no IGT.
 */
#ifndef FILE_MESSAGE_H
#define FILE_MESSAGE_H

#include <errno.h>
#include <string.h>
#include <sys/socket.h>

/**
 * A message of one byte, with room for one file. Its parts point to each other, so it
 * stays where it was initialised.
 */
struct file_message {
	struct msghdr header;
	struct iovec data;
	union {
		char bytes[CMSG_SPACE(sizeof(int))];
		struct cmsghdr align;
	} control;
	char byte;
};

static inline void file_message_init(struct file_message *message)
{
	memset(message, 0, sizeof(*message));
	message->data = (struct iovec){ &message->byte, 1 };
	message->header.msg_iov = &message->data;
	message->header.msg_iovlen = 1;
	message->header.msg_control = &message->control;
	message->header.msg_controllen = sizeof(message->control.bytes);
}

/**
 * Sends a file to whoever has the other end.
 *
 * @param flags  of sendmsg()
 * @return 0, or -errno; -EBADF when @p fd is no file.
 */
static inline int file_message_send(int socket, int fd, int flags)
{
	struct file_message message;
	struct cmsghdr *control;

	file_message_init(&message);
	control = CMSG_FIRSTHDR(&message.header);
	control->cmsg_level = SOL_SOCKET;
	control->cmsg_type = SCM_RIGHTS;
	control->cmsg_len = CMSG_LEN(sizeof(fd));
	memcpy(CMSG_DATA(control), &fd, sizeof(fd));
	return sendmsg(socket, &message.header, flags) < 0 ? -errno : 0;
}

/**
 * Receives a file, which will be closed on exec.
 *
 * @param flags  of recvmsg()
 * @return the file, or -errno; -ENOMSG: the message brought none, or there is nobody at
 * the other end any more.
 */
static inline int file_message_receive(int socket, int flags)
{
	const struct cmsghdr *control;
	struct file_message message;
	int fd;

	file_message_init(&message);
	if (recvmsg(socket, &message.header, flags | MSG_CMSG_CLOEXEC) < 0)
		return -errno;
	control = CMSG_FIRSTHDR(&message.header);
	if (!control || control->cmsg_type != SCM_RIGHTS)
		return -ENOMSG;
	memcpy(&fd, CMSG_DATA(control), sizeof(fd));
	return fd;
}

#endif
