/* SPDX-License-Identifier: Apache-2.0
 * The form in which requests are understood best, in two shapes: an issue form for GitHub, and a
 * block to copy into a comment. The files of issues/form/, made part of the program by
 * cmake/cotrain.cmake (cotrain_embed).
 * Read next: issues/form/cotrain-request.yml, issues/form/comment-block.md. */
#ifndef COTRAIN_ISSUES_FORM_H
#define COTRAIN_ISSUES_FORM_H

extern const char form_issue_text[], form_comment_text[];

#endif
