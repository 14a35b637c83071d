// Roles in ascending order: each may what those before it may.

export const ROLES = ["reader", "writer", "operator", "admin"];

/** Whether a key of the role `has` may do what needs `needed`. */
export const may = (has, needed) => ROLES.indexOf(has) >= ROLES.indexOf(needed);
