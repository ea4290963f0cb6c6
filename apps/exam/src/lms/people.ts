/** Who has an account at the stand-in LMS. */
export interface Person {
  readonly id: string;
  readonly name: string;
  readonly email: string;
  readonly role: "student" | "instructor" | "staff";
}

const person = (id: string, name: string, role: Person["role"]): Person => ({
  id: `u-${id}`,
  name,
  email: `${id}@university.example`,
  role,
});

/** Sam and Tess sit exams, Ines gives them, Ravi and Ada review. */
export const PEOPLE: readonly Person[] = [
  person("sam", "Sam Adeyemi", "student"),
  person("tess", "Tess Lindqvist", "student"),
  person("ines", "Ines Duarte", "instructor"),
  person("ravi", "Ravi Menon", "staff"),
  person("ada", "Ada Whitfield", "staff"),
];

export const personOf = (id: string | undefined): Person | undefined => PEOPLE.find((each) => each.id === id);

export const isStaff = ({ role }: Person): boolean => role !== "student";
