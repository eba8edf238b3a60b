/* SPDX-License-Identifier: MIT */
/*
 * Two users who do not know each other: processes without any privilege.
 */
#ifndef COLIBRI_USERS_H
#define COLIBRI_USERS_H

/* Who one can be. */
#define USER_A	0
#define USER_B	1

/** user_become() - Be that user from now on, without capabilities, groups and ways to get any */
void user_become(unsigned int who);

/** user_fork() - Fork a process of that user: a block, as igt_fork() */
#define user_fork(who)	igt_fork(user_child, 1) for (int once_ = (user_become(who), 1); once_; once_ = 0)

/** user_wait() - Wait for what user_fork() started; all must have succeeded */
void user_wait(void);

/** user_send() - Send a file by a socket */
void user_send(int socket, int fd);
/** user_receive() - Receive one */
int user_receive(int socket);

#endif /* COLIBRI_USERS_H */
